using System.Threading;

namespace Warren.Lab.Fuzz;

/// <summary>Explores programs, each with a few schedules.</summary>
internal sealed class ProgramExplorer(bool lockOrder, CancellationToken cancellation)
{
    /// <summary>Schedules with random priorities for each program, and at random.</summary>
    private const int PctSchedules = 24;

    private const int RandomSchedules = 8;

    /// <summary>For a program that is being made small.</summary>
    private const int TrySchedules = 100;

    /// <summary>For the one that is shown: the first half of it finds the fewest preemptions.</summary>
    private const int FinalSchedules = 5_000;

    internal long Schedules { get; private set; }

    internal long Steps { get; private set; }

    internal bool IsCancelled => cancellation.IsCancellationRequested;

    /// <summary>The first of a few random schedules that fails, as it was found; or null.</summary>
    internal Trace? Glance(FuzzProgram program, ulong seed, StepCoverage? coverage)
    {
        foreach (var (strategy, schedules) in
            ((SearchStrategy, int)[])[(SearchStrategy.Pct, PctSchedules), (SearchStrategy.Random, RandomSchedules)])
        {
            var result = Explore(program, new ExplorationOptions
            {
                Strategy = strategy,
                MaxSchedules = schedules,
                Seed = seed,
                Minimise = false,
            }, coverage);
            if (coverage is not null)
                (Schedules, Steps) = (Schedules + result.Schedules, Steps + result.Steps);
            if (result.Failure is { } failure)
                return failure;
        }

        return null;
    }

    /// <summary>True when the program fails as <paramref name="verdict"/> says, with some effort to find out.</summary>
    internal bool Fails(FuzzProgram program, Verdict verdict, ulong seed)
    {
        if (Glance(program, seed, null)?.Verdict is { } soon)
            return Minimiser.AreAlike(soon, verdict);
        var result = Explore(program, new ExplorationOptions { MaxSchedules = TrySchedules, Seed = seed, Minimise = false }, null);
        return result.Failure?.Verdict is { } found && Minimiser.AreAlike(found, verdict);
    }

    /// <summary>The smallest schedule of the program that fails; null when it does not fail after all.</summary>
    internal Trace? Show(FuzzProgram program, ulong seed)
    {
        var result = Explore(program, new ExplorationOptions { MaxSchedules = FinalSchedules, Seed = seed }, null);
        if (result.Failure is { } failure)
            return failure;
        foreach (var (strategy, schedules) in
            ((SearchStrategy, int)[])[(SearchStrategy.Pct, PctSchedules), (SearchStrategy.Random, RandomSchedules)])
        {
            result = Explore(program, new ExplorationOptions { Strategy = strategy, MaxSchedules = schedules, Seed = seed }, null);
            if (result.Failure is not null)
                break;
        }

        return result.Failure;
    }

    private ExplorationResult Explore(FuzzProgram program, ExplorationOptions options, StepCoverage? coverage) =>
        Explorer.Explore(new ProgramScenario(program) { Coverage = coverage },
            options with { WeakMemory = program.WeakMemory, LockOrder = lockOrder, Cancellation = cancellation });
}
