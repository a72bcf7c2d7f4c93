using System.Runtime.CompilerServices;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>The books of who holds which lock, and how.</summary>
internal sealed class LockBooks(ScheduleState state)
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Taken(Actor actor, ref Location location)
    {
        // What time does cannot wait: it needs to be seen to come upon a holder.
        if (actor.Pseudo is not null)
            state.SawTry = true;
        if (actor.Mode == LockMode.Exclusive)
            location.Owner = actor.Index;
        else
            location.Readers++;
        if (actor.InQueue)
        {
            actor.InQueue = false;
            location.Queued--;
        }

        actor.Acquired(actor.Location, actor.Mode);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void GivenUp(Actor actor, ref Location location, LockMode mode)
    {
        if (mode == LockMode.Exclusive)
            location.Owner = -1;
        else if (location.Readers > 0)
            location.Readers--;
        if (!actor.Released(actor.Location))
            ReleaseForAnother(actor.Location);
    }

    /// <summary>Taken by another, who hands it over: a read section may end elsewhere, a reader has no identity.</summary>
    private void ReleaseForAnother(int location)
    {
        for (var i = 0; i < state.ActorCount; i++)
        {
            if (state[i].Released(location))
                break;
        }
    }
}
