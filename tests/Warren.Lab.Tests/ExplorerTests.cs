using Warren.Locking;

namespace Warren.Lab.Tests;

/// <summary>Each kind of search finds what is wrong with small programs, and finds nothing where nothing is.</summary>
public sealed class ExplorerTests
{
    private static readonly LockClass A = new("test_a", WaitContext.Sleep);
    private static readonly LockClass B = new("test_b", WaitContext.Sleep);

    public static TheoryData<SearchStrategy> Strategies => [.. Enum.GetValues<SearchStrategy>()];

    /// <summary>
    /// Which OS thread plays which thread is nobody's business but that of code that keeps state there: then each has its own.
    /// </summary>
    [Theory]
    [MemberData(nameof(Strategies))]
    public void Schedules_do_not_depend_on_who_plays_them(SearchStrategy strategy)
    {
        var (own, ownThreads) = Orders(strategy, stateByThread: true);
        var (any, _) = Orders(strategy, stateByThread: false);
        Assert.NotEmpty(own);
        Assert.Equal(own, any);
        Assert.All(ownThreads, static ids => Assert.Equal(ids.Count, ids.Distinct().Count()));
    }

    private static (List<string> Orders, List<List<int>> OsThreads) Orders(SearchStrategy strategy, bool stateByThread)
    {
        var orders = new List<string>();
        var osThreads = new List<List<int>>();
        var scenario = new DelegateScenario("order", "Three threads take two locks in turn.", s =>
        {
            Mutex[] locks = [new(A), new(B)];
            var order = "";
            var ids = new List<int>();
            for (var t = 0; t < 3; t++)
            {
                var me = (char)('a' + t);
                s.Thread($"{me}", () =>
                {
                    ids.Add(Environment.CurrentManagedThreadId);
                    for (var i = 0; i < 3; i++)
                    {
                        locks[i & 1].Lock();
                        order += me;
                        locks[i & 1].Unlock();
                    }
                });
            }

            s.Cleanup(() =>
            {
                orders.Add(order);
                osThreads.Add(ids);
            });
        })
        { StateByThread = stateByThread };
        Assert.Null(Explorer.Explore(scenario, new ExplorationOptions { Strategy = strategy, MaxSchedules = 300, Seed = 3 }).Failure);
        return (orders, osThreads);
    }

    internal static DelegateScenario Abba { get; } = new("abba", "Two locks in both orders.", s =>
    {
        var a = new Mutex(A);
        var b = new Mutex(B);
        s.Thread("ab", () => Take(a, b));
        s.Thread("ba", () => Take(b, a));
    });

    internal static DelegateScenario LostUpdate { get; } = new("lost-update", "A counter raised without an atomic add.", s =>
    {
        var cell = new Cell();
        for (var i = 0; i < 3; i++)
            s.Thread($"t{i}", () => Atomics.Write(ref cell.Value, Atomics.Read(ref cell.Value, cell) + 1, cell));
        s.AtEnd("count", () => cell.Value == 3 ? null : $"{cell.Value} of 3");
    });

    [Theory]
    [MemberData(nameof(Strategies))]
    public void Two_locks_taken_in_both_orders_deadlock(SearchStrategy strategy)
    {
        var result = Explorer.Explore(Abba, new ExplorationOptions { LockOrder = false, Strategy = strategy });
        var verdict = result.Failure?.Verdict;
        Assert.Equal(VerdictKind.Deadlock, verdict?.Kind);
        Assert.Contains("ab waits for test_b#1 held by ba; holds test_a#1", verdict!.Details, StringComparison.Ordinal);
        Assert.Equal(1, result.Failure!.Preemptions);
        Assert.Single(result.Failure.Steps, static s => s.Preempted);
        Assert.All(result.Failure.Steps, static s => Assert.Contains("ExplorerTests.cs:", s.Source, StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Strategies))]
    public void A_lost_update_is_found_and_reduced_to_one_preemption(SearchStrategy strategy)
    {
        var result = Explorer.Explore(LostUpdate, new ExplorationOptions { LockOrder = false, Strategy = strategy });
        Assert.Equal(VerdictKind.Invariant, result.Failure?.Verdict?.Kind);
        Assert.Equal(1, result.Failure!.Preemptions);
        Assert.StartsWith("count: ", result.Failure.Verdict!.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void The_same_order_of_locks_is_explored_to_the_end_without_a_verdict()
    {
        var scenario = new DelegateScenario("abab", "Two locks in one order.", s =>
        {
            var a = new Mutex(A);
            var b = new Mutex(B);
            s.Thread("one", () => Take(a, b));
            s.Thread("two", () => Take(a, b));
        });
        var result =
            Explorer.Explore(scenario,
                new ExplorationOptions { LockOrder = false, Strategy = SearchStrategy.Exhaustive, PreemptionBound = 8 });
        Assert.Null(result.Failure);
        Assert.True(result.Exhausted);
        Assert.InRange(result.Schedules, 2, 20);
    }

    /// <summary>A person who asks for nothing special gets a proof where there is one to be had, else the random searches.</summary>
    [Theory]
    [InlineData(1, true)]
    [InlineData(2, false)]
    public void A_portfolio_until_the_bound_is_covered_goes_on_only_where_it_is_not(int bound, bool ends)
    {
        var scenario =
            new DelegateScenario("counters", "Four threads add, which takes more than a hundred schedules at two preemptions.", s =>
        {
            var cell = new Cell();
            for (var i = 0; i < 4; i++)
            {
                s.Thread($"t{i}", () =>
                {
                    for (var n = 0; n < 3; n++)
                        Atomics.Increment(ref cell.Value, cell);
                });
            }
        });
        var options = new ExplorationOptions { PreemptionBound = bound, UntilCovered = true };
        var covered = Explorer.Explore(scenario, options with { Strategy = SearchStrategy.Exhaustive });
        var found = Explorer.Explore(scenario, options with { MaxSchedules = ends ? (covered.Schedules * 2) + 2 : covered.Schedules });
        Assert.Equal(bound, covered.CompletedBound);
        Assert.Equal(ends ? bound : bound - 1, found.CompletedBound);
        Assert.Equal(covered.Schedules, found.Schedules);
    }

    /// <summary>Nothing is left at any bound, although a thread that never ends may go on in other ways for ever.</summary>
    [Fact]
    public void A_portfolio_until_the_bound_is_covered_ends_where_a_lower_bound_covers_all()
    {
        var scenario = new DelegateScenario("background", "A thread that loops for ever beside one that ends.", s =>
        {
            var cell = new Cell();
            s.Background("loops", () => Atomics.Read(ref cell.Value, cell));
            s.Thread("ends", () => Atomics.Increment(ref s_elsewhere.Value, s_elsewhere));
        });
        var covered = Explorer.Explore(scenario, new ExplorationOptions { UntilCovered = true });
        Assert.True(covered.Exhausted && covered.CompletedBound < 2);
        Assert.InRange(covered.Schedules, 1, 20);
    }

    private static readonly Cell s_elsewhere = new();

    [Fact]
    public void Choices_are_branches_of_the_search()
    {
        var seen = new HashSet<(bool, int)>();
        var scenario = new DelegateScenario("choices", "A build and a thread that choose.", s =>
        {
            var fails = s.Choose("allocation fails");
            s.Thread("t", () => seen.Add((fails, s.Choose("which", 3))));
        });
        var result = Explorer.Explore(scenario, new ExplorationOptions { LockOrder = false, Strategy = SearchStrategy.Exhaustive });
        Assert.Equal(6, result.Schedules);
        Assert.Equal(6, seen.Count);
    }

    [Fact]
    public void A_lock_still_held_at_the_end_of_a_thread_is_a_leak()
    {
        var scenario = new DelegateScenario("leak", "A lock that is not given back.", s =>
        {
            var a = new Mutex(A);
            s.Thread("t", a.Lock);
        });
        var verdict = Explorer.Explore(scenario, new ExplorationOptions { LockOrder = false }).Failure?.Verdict;
        Assert.Equal(VerdictKind.LockLeak, verdict?.Kind);
        Assert.Equal("t still holds test_a#1 at its end.", verdict!.Sentence);
    }

    [Fact]
    public void An_exception_of_a_thread_unwinds_the_others_through_their_finally_blocks()
    {
        var unwound = 0;
        var scenario = new DelegateScenario("throws", "One thread throws while another holds a lock.", s =>
        {
            var a = new Mutex(A);
            s.Thread("holder", () =>
            {
                a.Lock();
                try
                {
                    Atomics.Fence();
                    a.AssertHeld();
                    Take(new Mutex(B), new Mutex(B));
                }
                finally
                {
                    // May wait for nobody, and must not hang: a lock that is held stays held.
                    unwound++;
                    a.Unlock();
                }
            });
            s.Thread("thrower", () => throw new InvalidOperationException("on purpose"));
        });
        var verdict =
            Explorer.Explore(scenario,
                new ExplorationOptions { LockOrder = false, Minimise = false, Strategy = SearchStrategy.Random }).Failure?.Verdict;
        Assert.Equal(VerdictKind.Exception, verdict?.Kind);
        Assert.Contains("thrower ended with InvalidOperationException: on purpose", verdict!.Sentence, StringComparison.Ordinal);
        Assert.True(unwound >= 0);
    }

    internal static void Take(Mutex outer, Mutex inner)
    {
        outer.Lock();
        inner.Lock();
        inner.Unlock();
        outer.Unlock();
    }

    internal sealed class Cell
    {
        internal int Value;
    }
}
