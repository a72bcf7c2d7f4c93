using System.Diagnostics;

namespace Warren.Machines.Scheduling;

/// <summary>The host's monotonic clock in nanoseconds.</summary>
internal static class HostClock
{
    private const long NanosecondsPerSecond = 1_000_000_000;

    public static long Nanoseconds
    {
        get
        {
            var timestamp = Stopwatch.GetTimestamp();
            return Stopwatch.Frequency == NanosecondsPerSecond
                ? timestamp
                : (long)((Int128)timestamp * NanosecondsPerSecond / Stopwatch.Frequency);
        }
    }
}
