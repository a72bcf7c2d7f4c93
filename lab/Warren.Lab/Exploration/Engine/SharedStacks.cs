namespace Warren.Lab;

/// <summary>
/// Logical threads on one stack. Who is passed over for a thread that has not begun may let it run on its own stack, as a call, where the
/// search goes back to it only when the other has ended: what would be two hand-overs is none. Where the search has to go back before (the
/// other waits for what the one below does), the schedule is broken off, and from then on each thread has a stack for itself.
/// </summary>
/// <param name="isAllowed">Nothing is kept by OS thread (<see cref="Scenario.KeepsStateByThread"/>).</param>
internal sealed class SharedStacks(ScheduleState state, SearchFeed feed, LockOrderWatch lockOrder, bool isAllowed)
{
    private bool _isAllowed = isAllowed;

    /// <summary>
    /// One who holds a lock has its thread to itself: locks know their owners, and the validator what is held, by thread.
    /// </summary>
    internal bool MayStandOn(Actor below, int next) =>
        _isAllowed && !state.Aborting && below.HeldCount == 0 && lockOrder.IsThreadIdle
        && state[next].Worker is null && feed.Search.EndsFirst(next, below.Index);

    /// <summary>True when the schedule has been broken off, since the thread that is to go on lies under another.</summary>
    internal bool BreaksOff(Actor next)
    {
        if (next.Worker is not { } worker || worker.Actor == next)
            return false;
        _isAllowed = false;
        state.BreakOff();
        return true;
    }
}
