using System.Diagnostics;

namespace Warren.Bench.Harness;

/// <summary>Medians of repeated timings. Machines are noisy: a single timing is never reported.</summary>
public static class Sampler
{
    /// <summary>
    /// How long something is repeated untimed, so that the runtime has compiled it fully: tiering waits 100 ms for quiet.
    /// </summary>
    private static readonly TimeSpan WarmUp = TimeSpan.FromMilliseconds(600);

    /// <summary>Nanoseconds that one call of <paramref name="action"/> takes.</summary>
    public static double TimeNs(Action action)
    {
        var start = Stopwatch.GetTimestamp();
        action();
        return ElapsedNs(start);
    }

    /// <summary>Nanoseconds since a <see cref="Stopwatch"/> timestamp; a TimeSpan would round to 100.</summary>
    public static double ElapsedNs(long start) => (Stopwatch.GetTimestamp() - start) * (1e9 / Stopwatch.Frequency);

    /// <summary>Repeats <paramref name="action"/> untimed until everything it calls is compiled fully.</summary>
    public static void Warm(Action action)
    {
        for (var start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start) < WarmUp;) action();
    }

    /// <summary>Median of the values; the mean of the middle two when their number is even.</summary>
    /// <exception cref="InvalidOperationException">There is no value.</exception>
    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        if (sorted.Length == 0) throw new InvalidOperationException("A median needs at least one sample.");
        var mid = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[mid] : (sorted[mid - 1] + sorted[mid]) / 2;
    }

    /// <summary>
    /// Nanoseconds of one operation that is too short to time alone: the median over <paramref name="batches"/> batches, after a warm-up,
    /// of the batch's time divided by <paramref name="perBatch"/>.
    /// </summary>
    public static double BatchedNs(int batches, int perBatch, Action operation)
    {
        Warm(operation);
        return Median(Enumerable.Range(0, batches).Select(_ => TimeNs(() =>
        {
            for (var i = 0; i < perBatch; i++) operation();
        }) / perBatch));
    }
}
