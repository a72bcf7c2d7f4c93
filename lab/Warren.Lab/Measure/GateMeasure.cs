using System.Diagnostics;
using System.Threading;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>Runs gates side by side on real threads, on production code: what each costs, and what each makes wait.</summary>
public static class GateMeasure
{
    private static readonly TimeSpan WarmUp = TimeSpan.FromMilliseconds(80);

    /// <summary>
    /// Measures one gate after the other; the order of rows is that of <see cref="MeasureOptions.Gates"/>. Ends early when cancelled, with
    /// the gates that are complete.
    /// </summary>
    /// <param name="progress">Told what is about to be measured.</param>
    /// <exception cref="InvalidOperationException">Checking is on in this process: it is the hooks that would be measured.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of the range it states.</exception>
    public static IReadOnlyList<GateMeasurement> Run(MeasureOptions options, IProgress<string>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.TimePerGate, TimeSpan.FromMilliseconds(50));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Vms, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.StormThreads, 1);
        if (Check.On)
        {
            throw new InvalidOperationException(
                "Checking is on in this process, and its hooks would be measured with the gates: measure where the switches Warren.Check "
                    + "and Warren.Check.Steps are off.");
        }
        var rows = new List<GateMeasurement>();
        // Until what is measured has been compiled for good: the first gate must not pay for all.
        foreach (var gate in options.Gates)
        {
            using var world = new MeasureWorld(gate, options.Vms);
            Together(world, WarmUp, 1, options.Cancellation);
        }

        foreach (var gate in options.Gates)
        {
            if (options.Cancellation.IsCancellationRequested)
                break;
            progress?.Report(gate.Name);
            using var world = new MeasureWorld(gate, options.Vms);
            var part = options.TimePerGate / 8;
            var alone = new GateRates(
                Alone(world, new MeasureLoop(world.InvalidateUnrelated), part, options.Cancellation),
                Alone(world, new MeasureLoop(world.InvalidateRelated), part, options.Cancellation),
                Alone(world, new MeasureLoop(world.Fault), part, options.Cancellation),
                Alone(world, new MeasureLoop(world.Update), part, options.Cancellation));
            var storm = Together(world, options.TimePerGate / 2, options.StormThreads, options.Cancellation);
            if (!options.Cancellation.IsCancellationRequested)
                rows.Add(new(gate.Name, alone, storm.Rates, storm.Median, storm.Worst, storm.Time));
        }

        return rows;
    }

    private static double Alone(MeasureWorld world, MeasureLoop loop, TimeSpan time, CancellationToken cancel)
    {
        var elapsed = Go(world, [loop], time, cancel);
        return loop.Done / elapsed.TotalSeconds;
    }

    private static (GateRates Rates, TimeSpan Median, TimeSpan Worst, TimeSpan Time) Together(MeasureWorld world, TimeSpan time,
        int stormThreads, CancellationToken cancel)
    {
        MeasureLoop related = new(world.InvalidateRelated, pause: true), faults = new(world.Fault),
        updates = new(world.Update, pause: true) { KeepsLatencies = true };
        var unrelated = Enumerable.Range(0, stormThreads).Select(i => new MeasureLoop(() => world.Storm(i))).ToArray();
        var elapsed = Go(world, [related, faults, updates, .. unrelated], time, cancel);
        var seconds = elapsed.TotalSeconds;
        var latencies = updates.Latencies;
        latencies.Sort();
        return (new(unrelated.Sum(l => l.Done) / seconds, related.Done / seconds, faults.Done / seconds, updates.Done / seconds),
            latencies.Count == 0 ? elapsed : Stopwatch.GetElapsedTime(0, latencies[latencies.Count / 2]),
            latencies.Count == 0 ? elapsed : Stopwatch.GetElapsedTime(0, latencies[^1]),
            elapsed);
    }

    /// <summary>
    /// Runs the loops, a thread each, for so long, and as long as it then takes them to come back: whoever waits for quiet gets it now.
    /// </summary>
    /// <returns>the time until they were told to end</returns>
    private static TimeSpan Go(MeasureWorld world, MeasureLoop[] loops, TimeSpan time, CancellationToken cancel)
    {
        var threads = loops.Select(l => new Thread(() => l.Run(world)) { IsBackground = true, Name = "warren-measure" }).ToArray();
        world.Stop = false;
        var start = Stopwatch.GetTimestamp();
        foreach (var thread in threads)
            thread.Start();
        cancel.WaitHandle.WaitOne(time);
        world.Stop = true;
        var elapsed = Stopwatch.GetElapsedTime(start);
        foreach (var thread in threads)
            thread.Join();
        if (loops.Select(l => l.Failure).FirstOrDefault(f => f is not null) is { } failure)
            throw new InvalidOperationException($"A thread of the measurement failed: {failure.Message}", failure);
        return elapsed;
    }
}
