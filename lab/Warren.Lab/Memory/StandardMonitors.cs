using Warren.Locking;

namespace Warren.Lab;

/// <summary>
/// The oracles of memory that watch every schedule without being asked: data races and torn sequence reads, uses after free, balance of notifications. One
/// object serves one schedule after the other.
/// </summary>
internal sealed class StandardMonitors(ExplorationOptions options) : IStepMonitor
{
    private readonly RaceDetector? _races = options.DataRaces ? new() : null;
    private readonly LifetimeMonitor _lifetimes = new();
    private readonly NotificationMonitor _notifications = new();

    /// <summary>A new schedule begins.</summary>
    /// <param name="schedule">Gets the verdicts.</param>
    /// <param name="record">Verdicts are to name source lines, which costs a stack walk for each access.</param>
    internal void Attach(Schedule schedule, bool record)
    {
        _races?.Reset(schedule, record);
        _lifetimes.Reset(schedule, record);
        _notifications.Reset(schedule);
    }

    public void OnStep(int thread, in CheckStep step, bool succeeded)
    {
        // Lifetimes first: of a freed place, that it is freed is the cause.
        _lifetimes.OnStep(thread, step);
        _notifications.OnStep(thread, step);
        _races?.OnStep(thread, step, succeeded);
    }

    public void OnEnd()
    {
        _races?.OnEnd();
        _notifications.OnEnd();
    }

    /// <summary>Within a step, before its <see cref="OnStep"/>: its store goes into the thread's store buffer.</summary>
    internal void OnBuffered(int thread) => _races?.OnBuffered(thread);

    /// <summary>The oldest store in the thread's buffer has been performed.</summary>
    internal void OnPerformed(int thread, in PendingStore store)
    {
        _lifetimes.OnPerformed(thread, store);
        _races?.OnPerformed(thread);
    }
}
