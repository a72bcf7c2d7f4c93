using Warren.Machines.Devices;
using Warren.Machines.Sbi;

namespace Warren.Machines.Scheduling;

/// <summary>
/// Tells a machine that sleeps from one that is dead: whether anything can still wake its harts. An interprocessor interrupt or a start
/// comes only from a hart that runs; what is left is time (a hart's timer, the RTC's alarm) and the host (a serial line).
/// </summary>
/// <remarks>
/// While every hart is asleep nothing of what decides this changes but by an event, and an event either can still come, and is seen here as
/// such, or has notified a runner, under the lock of the device that is asked. So a runner that found nothing to do settles, which all can
/// see, and then looks: at all runners, at what could wake each, and at all runners again. If none was awake either time, and none has run
/// in between, the machine is stuck. Of runners that settle at the same time the last one to do so sees the others settled, so the end is
/// never missed, and whoever is notified meanwhile is seen to be awake, so it never comes too early.
/// </remarks>
internal sealed class WakeSources(HartSet harts, HartStates states, Plic plic, IReadOnlyList<(int Source, IInterruptSource Device)> devices)
{
    private const ulong TimerBit = 1 << 5, ExternalBit = 1 << 9;

    /// <summary>
    /// True when a hart that does not run may yet be woken without another hart. True at once for most that sleep: an idle kernel has a
    /// timer set.
    /// </summary>
    public bool CanWake(int hart)
    {
        if (states[hart] is not (HsmState.Started or HsmState.Suspended))
            return states[hart] != HsmState.Stopped;
        var enabled = harts[hart].EnabledInterrupts;
        if ((harts[hart].RaisedInterrupts & enabled) != 0)
            return true;
        if ((enabled & TimerBit) != 0 && harts.HasDeadline(hart))
            return true;
        return (enabled & ExternalBit) != 0 && CanInterrupt(plic.Listening(hart));
    }

    /// <summary>True when no hart will ever run again. Asked by a runner that has settled.</summary>
    public bool IsStuck()
    {
        Span<long> slices = stackalloc long[harts.Count];
        for (var i = 0; i < slices.Length; i++)
        {
            // In this order: a run that the count does not show yet makes a runner awake, or shows in the count later.
            slices[i] = harts.Runners[i].Slices;
            if (!harts.Runners[i].IsAsleep)
                return false;
        }
        for (var i = 0; i < slices.Length; i++)
        {
            if (CanWake(i))
                return false;
        }
        for (var i = 0; i < slices.Length; i++)
        {
            if (!harts.Runners[i].IsAsleep || harts.Runners[i].Slices != slices[i])
                return false;
        }
        return true;
    }

    /// <summary>The doings of a stuck machine's harts, as the end of a sentence.</summary>
    public string Describe()
    {
        var stopped = Enumerable.Range(0, states.Count).Count(i => states[i] == HsmState.Stopped);
        var waiting = states.Count - stopped;
        const string nothing = "for an interrupt that nothing can raise (no timer is set, no device enabled)";
        return (waiting, stopped) switch
        {
            (0, 1) => "its hart has stopped itself",
            (0, _) => "all its harts are stopped",
            (1, 0) => $"its hart waits {nothing}",
            (_, 0) => $"all its harts wait {nothing}",
            (1, _) => $"one hart waits {nothing}, and the others are stopped",
            _ => $"{waiting} harts wait {nothing}, and the others are stopped",
        };
    }

    private bool CanInterrupt(ulong sources)
    {
        foreach ((var source, var device) in devices)
        {
            if ((sources >> source & 1) != 0 && device.CanRaise)
                return true;
        }
        return false;
    }
}
