using System.Numerics;
using System.Runtime.CompilerServices;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>The conditions to go on: the rules by which threads wait for locks, events, grace periods, and for news in a loop.</summary>
internal sealed class WaitRules(ScheduleState state)
{
    private readonly LocationTable _locations = state.Locations;

    /// <summary>The threads that can go on now.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ulong EnabledMask()
    {
        var enabled = state.Unfinished;
        for (var blocked = state.MayBlock & enabled; blocked != 0; blocked &= blocked - 1)
        {
            if (!CanGoOn(state[BitOperations.TrailingZeroCount(blocked)]))
                enabled &= ~(blocked & (~blocked + 1));
        }

        return enabled;
    }

    internal bool CanGoOn(Actor actor)
    {
        if (actor.Pseudo is { } pseudo)
            return pseudo.Enabled;
        if (actor.MustDrain)
            return false;
        switch (actor.Operation)
        {
            case CheckOperation.LockAcquire:
                {
                    ref var location = ref _locations[actor.Location];
                    var isFree = location.Owner < 0 && (actor.Mode == LockMode.Exclusive
                        ? location.Readers == 0
                        : location.Queued == 0 || location.Instance is not RwSemaphore);
                    if (actor.Waiting)
                        return isFree && location.Wakes != actor.WaitWakes;
                    // That someone waits for a reader-writer lock is seen by others: arriving is a step of its own.
                    return isFree || location.Instance is RwLock || (location.Instance is RwSemaphore && actor.Mode == LockMode.Exclusive);
                }

            case CheckOperation.WaitSleep:
                {
                    ref var location = ref _locations[actor.Location];
                    return actor.Waiting ? location.Wakes != actor.WaitWakes : location.Woken || !location.Prepared;
                }

            case CheckOperation.Relax:
                return actor.Yielding || HasNews(actor);
            case CheckOperation.SrcuBarrier:
                return !actor.Waiting || actor.WaitWakes != state.OffloadSteps;
            default:
                return !actor.Waiting || _locations[actor.Location].Wakes != actor.WaitWakes;
        }
    }

    /// <summary>The actor cannot make the step it came to, and waits until something happens to what it waits for.</summary>
    internal void BeginWait(Actor actor)
    {
        if (actor.Operation == CheckOperation.Relax)
        {
            // A loop that has read nothing we know of cannot be watched; it only gives way.
            actor.Yielding = actor.ReadCount == 0;
            if (state.IsProbing && actor.LoopHash == actor.LastLoopHash)
                actor.SameRounds++;
            else
                (actor.SameRounds, state.IsProbing) = (0, false);
            (actor.LastLoopHash, actor.LoopHash) = (actor.LoopHash, 0);
        }
        else if (actor.Operation == CheckOperation.SrcuBarrier)
        {
            actor.WaitWakes = state.OffloadSteps;
        }
        else
        {
            ref var location = ref _locations[actor.Location];
            actor.WaitWakes = location.Wakes;
            if (actor.Operation == CheckOperation.LockAcquire && actor.Mode == LockMode.Exclusive && !actor.InQueue)
            {
                actor.InQueue = true;
                location.Queued++;
            }
        }

        actor.Waiting = true;
    }

    /// <summary>It tries again.</summary>
    internal static void EndWait(Actor actor)
    {
        actor.Waiting = false;
        actor.Retrying = true;
        actor.Yielding = false;
    }

    /// <summary>
    /// The await rule: something that the loop has read was written since by another; or by itself, to another value, so that the next
    /// round is not the same (a fault that breaks a share moves the sequence for which it then starts again).
    /// </summary>
    private bool HasNews(Actor actor)
    {
        for (var i = 0; i < actor.ReadCount; i++)
        {
            ref var location = ref _locations[actor.ReadLocation[i]];
            if (location.Version != actor.ReadVersion[i]
                || (location.IsStored && location.LastWriter == actor.Index && location.Stored != actor.ReadValue[i]))
            {
                return true;
            }
        }

        return false;
    }
}
