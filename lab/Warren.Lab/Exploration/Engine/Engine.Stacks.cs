namespace Warren.Lab;

/// <summary>
/// Logical threads on one stack. Who is passed over for a thread that has not begun may let it run on its own stack, as a call, where the
/// search goes back to it only when the other has ended: what would be two hand-overs is none. Where the search has to go back before (the
/// other waits for what the one below does), the schedule is broken off, and from then on each thread has a stack for itself.
/// </summary>
internal sealed partial class Engine
{
    private bool _stacks = true;

    /// <summary>The schedule came to an end without a verdict, and does not count.</summary>
    private bool _brokenOff;

    /// <summary>
    /// One who holds a lock has its thread to itself: locks know their owners, and the validator what is held, by thread.
    /// </summary>
    private bool MayStandOn(Actor below, int next) =>
        _stacks && !_aborting && !_scenario.KeepsStateByThread
        && below.HeldCount == 0 && _validator?.IsThreadIdle != false
        && _actors[next].Worker is null && _search.EndsFirst(next, below.Index);

    /// <returns>Who is next when it has ended.</returns>
    private int PlayOnTop(Actor below, Actor actor)
    {
        var worker = below.Worker!;
        actor.Worker = worker;
        actor.Below = below;
        worker.Actor = actor;
        _running = actor.Index;
        var next = Play(worker, actor);
        worker.Current = below;
        return next;
    }

    private static bool IsBuried(Actor actor) => actor.Worker is { } worker && worker.Actor != actor;

    private void PlayAgainUnstacked()
    {
        _stacks = false;
        _brokenOff = true;
        _aborting = true;
        PerformAllPending();
    }
}
