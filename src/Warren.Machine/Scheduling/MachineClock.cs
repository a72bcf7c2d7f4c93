namespace Warren.Machines.Scheduling;

/// <summary>A machine's <c>time</c> CSR: 10 MHz ticks since the machine was made.</summary>
internal sealed class MachineClock
{
    /// <summary>Ticks a second.</summary>
    public const uint Frequency = 10_000_000;

    private const long NanosecondsPerTick = 1_000_000_000 / Frequency;

    private readonly long _epoch = HostClock.Nanoseconds;

    public ulong Ticks => (ulong)(HostClock.Nanoseconds - _epoch) / NanosecondsPerTick;

    /// <summary>
    /// The host's time at which the clock reads <paramref name="ticks"/>; <see cref="long.MaxValue"/> when that is centuries away.
    /// </summary>
    public long ToNanoseconds(ulong ticks)
        => ticks >= (ulong)((long.MaxValue - _epoch) / NanosecondsPerTick) ? long.MaxValue : _epoch + (long)ticks * NanosecondsPerTick;
}
