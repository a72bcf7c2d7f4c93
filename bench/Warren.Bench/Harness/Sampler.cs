using System.Diagnostics;

namespace Warren.Bench.Harness;

/// <summary>Medians of repeated timings. Machines are noisy: a single timing is never reported.</summary>
public static class Sampler
{
    /// <summary>Nanoseconds that one call of <paramref name="action"/> takes.</summary>
    public static double TimeNs(Action action)
    {
        var start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalNanoseconds;
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

    /// <summary>Median nanoseconds of <paramref name="count"/> calls, each timed alone, after warming up with a tenth as many.</summary>
    public static double MedianNs(int count, Action<int> operation)
    {
        for (var i = 0; i < Math.Max(1, count / 10); i++) operation(i);
        var samples = new double[count];
        for (var i = 0; i < count; i++)
        {
            var start = Stopwatch.GetTimestamp();
            operation(i);
            samples[i] = Stopwatch.GetElapsedTime(start).TotalNanoseconds;
        }
        return Median(samples);
    }

    /// <summary>
    /// Nanoseconds of one operation that is too short to time alone: the median over <paramref name="batches"/> batches of the batch's
    /// time divided by <paramref name="perBatch"/>.
    /// </summary>
    public static double BatchedNs(int batches, int perBatch, Action operation)
    {
        var samples = new double[batches];
        for (var b = -batches / 4 - 1; b < batches; b++)
        {
            var start = Stopwatch.GetTimestamp();
            for (var i = 0; i < perBatch; i++) operation();
            if (b >= 0) samples[b] = Stopwatch.GetElapsedTime(start).TotalNanoseconds / perBatch;
        }
        return Median(samples);
    }
}
