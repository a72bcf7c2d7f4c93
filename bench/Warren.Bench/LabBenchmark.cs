using System.Diagnostics;
using System.Text.Json;
using Warren.Bench.Harness;
using Warren.Lab;
using Warren.Locking;
using Mutex = Warren.Locking.Mutex;

namespace Warren.Bench;

/// <summary>
/// Schedules that the lab's explorer plays per second on one core, beside its targets. The peer is the target, so here a ratio above 1 is
/// good. What is reported of steps to a validator or race detector is left out: it depends on the scenario, not on the engine.
/// </summary>
internal sealed class LabBenchmark : IBenchmark
{
    private static readonly TimeSpan Sample = TimeSpan.FromSeconds(1);
    private static readonly LockClass Class = new("bench_lab", WaitContext.Sleep);

    public string Name => "lab";

    public string Description => "schedules per second of the lab's explorer, random and PCT, against its targets";

    public IEnumerable<BenchResult> Run(BenchContext context) => Check.Steps ? Measure(context) : InChild(context);

    private IEnumerable<BenchResult> Measure(BenchContext context)
    {
        yield return Case(context, "2 threads, 16 steps, random", 2, 4, SearchStrategy.Random, 80_000);
        yield return Case(context, "2 threads, 16 steps, PCT", 2, 4, SearchStrategy.Pct, 280_000);
        yield return Case(context, "3 threads, 60 steps, random", 3, 10, SearchStrategy.Random, 11_000);
        yield return Case(context, "3 threads, 60 steps, PCT", 3, 10, SearchStrategy.Pct, 100_000);
    }

    private BenchResult Case(BenchContext context, string name, int threads, int operations, SearchStrategy strategy, double target)
    {
        context.Progress($"lab: {name}");
        var scenario = Locks(threads, operations);
        var options = new ExplorationOptions { Strategy = strategy, Time = Sample, LockOrder = false, DataRaces = false };
        Explorer.Explore(scenario, options);
        var rates = Enumerable.Range(0, context.Repeats).Select(i =>
        {
            context.Cancellation.ThrowIfCancellationRequested();
            var result = Explorer.Explore(scenario, options with { Seed = (ulong)i + 2 });
            return result.Schedules / result.Elapsed.TotalSeconds;
        }).ToArray();
        return BenchResult.Of(Name, name, Sampler.Median(rates), "schedules/s", "target", target);
    }

    /// <summary>Each thread takes and releases one of two locks, in turn. Nothing is kept by thread, as for every primitive.</summary>
    private static DelegateScenario Locks(int threads, int operations) => new("bench", "Two locks.", schedule =>
    {
        Mutex[] locks = [new(Class), new(Class)];
        for (var t = 0; t < threads; t++)
        {
            schedule.Thread("t", () =>
            {
                for (var i = 0; i < operations; i++)
                {
                    locks[i & 1].Lock();
                    locks[i & 1].Unlock();
                }
            });
        }
    })
    { StateByThread = false };

    /// <summary>Steps are reported only where a process decides so at its start: <c>warren bench lab</c> alone does.</summary>
    private static IEnumerable<BenchResult> InChild(BenchContext context)
    {
        var program = Environment.ProcessPath!;
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(program) == "dotnet") start.ArgumentList.Add(Environment.GetCommandLineArgs()[0]);
        foreach (var a in new[] { "bench", "lab", "--json", "--repeats", $"{context.Repeats}" }) start.ArgumentList.Add(a);
        using var process = Process.Start(start)!;
        while (process.StandardOutput.ReadLine() is { } line)
        {
            if (JsonSerializer.Deserialize(line, BenchJson.Default.BenchResult) is { } result) yield return result;
        }

        process.WaitForExit();
        if (process.ExitCode != 0)
            throw new BenchmarkUnavailableException($"The process that measures the lab ended with {process.ExitCode}.");
    }
}
