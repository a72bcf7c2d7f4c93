using Warren.RiscV;

namespace Warren.Machines.Scheduling;

/// <summary>
/// The timer of one hart (stimecmp, or SBI set_timer): raises the supervisor timer interrupt at its deadline, lowers it when a
/// later deadline is set. Both happen under the timer queue's lock, so the pin follows the deadline set last.
/// </summary>
internal sealed class HartTimer(Hart hart, MachineClock clock, TimerQueue timers) : TimerEntry
{
    private const int SupervisorTimer = 5;

    /// <summary>The runner to notify; set before the hart first runs.</summary>
    public VcpuRunner? Runner { get; set; }

    /// <summary>The deadline set last, in timebase ticks.</summary>
    public ulong Ticks { get; private set; } = ulong.MaxValue;

    /// <summary>Sets the deadline, in timebase ticks; all ones is never. On the hart's thread.</summary>
    public void Set(ulong ticks)
    {
        Ticks = ticks;
        timers.Arm(this, clock.ToNanoseconds(ticks));
    }

    public void Stop() => timers.Disarm(this);

    protected internal override void Armed() => hart.SetInterrupt(SupervisorTimer, false);

    protected internal override void Expired() => hart.SetInterrupt(SupervisorTimer, true);

    protected internal override void Announce() => Runner?.Notify();
}
