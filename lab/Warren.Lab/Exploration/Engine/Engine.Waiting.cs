using System.Numerics;
using System.Runtime.CompilerServices;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>
/// The turn, and who can go on: the rules by which threads wait for locks, events, grace periods, and for news in a loop.
/// </summary>
internal sealed partial class Engine
{
    /// <summary>Decides who goes on and returns when it is this thread's turn.</summary>
    private void Pass(Actor actor)
    {
        // What time does is one step.
        if (actor.Pseudo is not null)
            return;
        var bit = 1ul << actor.Index;
        if ((actor.Traits & StepTraits.Blocks) != 0 || actor.MustDrain)
            _mayBlock |= bit;
        else
            _mayBlock &= ~bit;
        // Being started is no step: the thread was chosen for what it does first, unless it cannot do that.
        if (actor.IsFresh)
        {
            actor.IsFresh = false;
            if ((_mayBlock & bit) == 0 || CanGoOn(actor))
                return;
        }

        var next = Decide(actor.Index, bit);
        while (next != actor.Index && MayStandOn(actor, next))
            next = PlayOnTop(actor, _actors[next]);
        if (next != actor.Index)
        {
            var worker = actor.Worker!;
            HandOver(next);
            worker.Baton.Take(_yields);
            _turn = worker;
        }

        if (_aborting)
            throw ScheduleAbortedException.Instance;
    }

    /// <summary>The threads that can go on now.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ulong EnabledMask()
    {
        var enabled = _unfinished;
        var actors = _actors;
        for (var blocked = _mayBlock & enabled; blocked != 0; blocked &= blocked - 1)
        {
            if (!CanGoOn(actors[BitOperations.TrailingZeroCount(blocked)]))
                enabled &= ~(blocked & (~blocked + 1));
        }

        return enabled;
    }

    private bool CanGoOn(Actor actor)
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
                return !actor.Waiting || actor.WaitWakes != _offloadSteps;
            default:
                return !actor.Waiting || _locations[actor.Location].Wakes != actor.WaitWakes;
        }
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
