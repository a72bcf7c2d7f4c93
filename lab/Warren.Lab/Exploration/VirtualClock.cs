using Warren.Locking;

namespace Warren.Lab;

/// <summary>
/// The time of a schedule: it stands still until the search has it pass, which it may do between any two steps while a timer is set. So a
/// time-out comes as early, as late and in whatever order with other steps it can come, but no two timers expire in the wrong order. Had
/// from <see cref="Schedule.Clock"/>.
/// </summary>
public sealed class VirtualClock : IPseudoThread
{
    private readonly List<VirtualTimer> _set = [];
    private long _now;

    internal VirtualClock()
    {
    }

    string IPseudoThread.Name => "time";

    bool IPseudoThread.Enabled => _set.Count > 0;

    bool IPseudoThread.MakesSteps => true;

    CheckStep IPseudoThread.Next => default;

    /// <summary>Since the schedule began. To read it is a step.</summary>
    public TimeSpan Now => TimeSpan.FromMilliseconds(Read());

    /// <summary>
    /// Sets a timer. That is a step, and so is its expiry: a thread that waits in a loop for <see cref="VirtualTimer.HasExpired"/> then
    /// goes on.
    /// </summary>
    /// <param name="after">From now; at least a millisecond.</param>
    /// <param name="expired">
    /// Done in the step in which it expires, as an interrupt does it: it may wake a sleeper, and take and give back spinning locks that
    /// nobody holds, but must not wait. Null: nothing.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="after"/> is too short.</exception>
    public VirtualTimer Start(TimeSpan after, Action? expired = null)
    {
        var milliseconds = (long)after.TotalMilliseconds;
        ArgumentOutOfRangeException.ThrowIfLessThan(milliseconds, 1, nameof(after));
        var timer = new VirtualTimer(this, Atomics.Add(ref _now, 0, this) + milliseconds, expired);
        var place = _set.FindIndex(other => other.Due > timer.Due);
        _set.Insert(place < 0 ? _set.Count : place, timer);
        return timer;
    }

    /// <summary>The next timer expires.</summary>
    void IPseudoThread.Step()
    {
        var timer = _set[0];
        _set.RemoveAt(0);
        // After all that was done before the timer was set.
        _ = Atomics.Read(ref _now, this);
        Atomics.Write(ref _now, timer.Due, this);
        timer.Expired?.Invoke();
    }

    internal long Read() => Atomics.Read(ref _now, this);

    internal bool Stop(VirtualTimer timer)
    {
        Atomics.Add(ref _now, 0, this);
        return _set.Remove(timer);
    }
}

/// <summary>A timer that <see cref="VirtualClock.Start"/> has set.</summary>
public sealed class VirtualTimer
{
    private readonly VirtualClock _clock;

    internal VirtualTimer(VirtualClock clock, long due, Action? expired) => (_clock, Due, Expired) = (clock, due, expired);

    /// <summary>In milliseconds since the schedule began.</summary>
    internal long Due { get; }

    internal Action? Expired { get; }

    /// <summary>True when its time has come; a step.</summary>
    public bool HasExpired => _clock.Read() >= Due;

    /// <summary>It will not expire any more; a step. False when it has.</summary>
    public bool Stop() => _clock.Stop(this);
}
