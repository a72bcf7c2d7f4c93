using Warren.Locking;

namespace Warren.Lab;

/// <summary>
/// The oracles of memory that watch every schedule without being asked: data races and torn sequence reads, uses after free, balance of
/// notifications. One object serves one schedule after the other.
/// </summary>
internal sealed class StandardMonitors(ScheduleState state, PlaceNames names, bool dataRaces)
{
    private readonly RaceDetector? _races = dataRaces ? new(state, names) : null;
    private readonly LifetimeMonitor _lifetimes = new(state);
    private readonly NotificationMonitor _notifications = new(state);

    /// <summary>
    /// True when a step that is no mark can mean anything to them: without the detector of races, not before something is gone.
    /// </summary>
    internal bool Watches => _races is not null || _lifetimes.KnowsOfAny;

    /// <summary>A new schedule begins.</summary>
    internal void Reset()
    {
        _races?.Reset();
        _lifetimes.Reset();
        _notifications.Reset();
    }

    /// <summary>After each step of a thread, also where its store stays in the store buffer.</summary>
    /// <param name="location">Of the step, in the engine; -1 when it has none.</param>
    internal void OnStep(int thread, in CheckStep step, bool succeeded, int location)
    {
        // Lifetimes first: of a freed place, that it is freed is the cause.
        _lifetimes.OnStep(thread, step);
        if (step.Operation == CheckOperation.Mark)
            _notifications.OnMark(thread, step);
        _races?.OnStep(thread, step, succeeded, location);
    }

    internal void OnEnd()
    {
        _races?.OnEnd();
        _notifications.OnEnd();
    }

    /// <summary>Within a step, before its <see cref="OnStep"/>: its store goes into the thread's store buffer.</summary>
    internal void OnBuffered(int thread) => _races?.OnBuffered(thread);

    /// <summary>The oldest store in the thread's buffer has been performed.</summary>
    internal void OnPerformed(int thread, in PendingStore store)
    {
        _races?.OnPerformed(thread);
        _lifetimes.OnPerformed(thread, store);
    }
}
