namespace Warren.Lab.Tests.Memory;

/// <summary>Explores a few hundred schedules of a small program.</summary>
internal static class Explored
{
    internal static Trace? Failure(Action<Schedule> build, bool weak = false, long schedules = 400,
        SearchStrategy strategy = SearchStrategy.Random, bool minimise = false)
    {
        var scenario = new DelegateScenario("memory-test", "A test.", build);
        return Explorer.Explore(scenario, new ExplorationOptions
        {
            Strategy = strategy,
            MaxSchedules = schedules,
            WeakMemory = weak,
            LockOrder = false,
            Minimise = minimise,
        }).Failure;
    }

    internal static Verdict Found(VerdictKind kind, Action<Schedule> build, bool weak = false)
    {
        var verdict = Failure(build, weak)?.Verdict;
        Assert.True(verdict is not null, $"{kind} was not found");
        Assert.True(verdict.Kind == kind, $"{kind} expected, found {verdict.Kind}: {verdict.Sentence}\n{verdict.Details}");
        return verdict;
    }

    internal static void Clean(Action<Schedule> build, bool weak = false)
    {
        var verdict = Failure(build, weak)?.Verdict;
        Assert.True(verdict is null, $"nothing is wrong with it, yet {verdict?.Kind}: {verdict?.Sentence}\n{verdict?.Details}");
    }
}
