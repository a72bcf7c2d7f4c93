using Warren.Locking;

namespace Warren.Lab.Tests.Memory;

/// <summary>
/// Two claims of the code that review cannot prove: the order of the two stores in <c>InvalidationState.End</c>, and the fence in
/// <see cref="RcuWait.WakeUp"/>. Production passes every schedule up to the bound, with and without store buffers; a copy with the order,
/// or the fence, undone does not.
/// </summary>
public sealed class ProtocolOrderTests
{
    private sealed class Words
    {
        internal int Page;
        internal int Flag;
        internal int Waiter;
        internal int Woken;
        internal long InProgress = 1;
        internal ulong Sequence;
    }

    public static TheoryData<string, bool, SearchStrategy> Production
    {
        get
        {
            var data = new TheoryData<string, bool, SearchStrategy>();
            foreach (var name in (string[])["invalidation-end-order", "rcuwait-plain-store"])
            {
                foreach (var strategy in (SearchStrategy[])[SearchStrategy.Random, SearchStrategy.Pct, SearchStrategy.Exhaustive])
                {
                    data.Add(name, false, strategy);
                    data.Add(name, true, strategy);
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Production))]
    public void Production_passes(string name, bool weak, SearchStrategy strategy)
    {
        var scenario = ScenarioCatalogue.Core.Single(s => s.Name == name);
        var result =
            Explorer.Explore(scenario,
                new ExplorationOptions { Strategy = strategy, WeakMemory = weak, MaxSchedules = 2000, PreemptionBound = 3 });
        Assert.True(result.Failure is null, $"{result.Failure?.Verdict}");
        if (strategy == SearchStrategy.Exhaustive)
            Assert.True(result.Exhausted || result.CompletedBound == 3, $"complete to {result.CompletedBound}");
    }

    /// <summary>The protocol of InvalidationState, with the two stores of its end in either order.</summary>
    private static Action<Schedule> End(bool sequenceFirst) => s =>
    {
        var words = new Words();
        s.Thread("invalidation", () =>
        {
            Atomics.Write(ref words.Page, 1, words);
            if (sequenceFirst)
                Atomics.Write(ref words.Sequence, words.Sequence + 1, words);
            Atomics.Write(ref words.InProgress, 0, words);
            if (!sequenceFirst)
                Atomics.Write(ref words.Sequence, words.Sequence + 1, words);
        });
        s.Thread("user", () =>
        {
            var sequence = Atomics.Read(ref words.Sequence, words);
            var page = Atomics.Read(ref words.Page, words);
            if (Atomics.Read(ref words.InProgress, words) == 0 && Atomics.Read(ref words.Sequence, words) == sequence && page == 0)
                s.Fail(VerdictKind.Invariant, "a stale page passed");
        });
    };

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_end_that_lowers_the_count_first_is_found(bool weak)
    {
        Explored.Found(VerdictKind.Invariant, End(sequenceFirst: false), weak);
        Explored.Clean(End(sequenceFirst: true), weak);
    }

    /// <summary>The protocol of RcuWait on bare words.</summary>
    private static Action<Schedule> Wake(bool waiterFence, bool wakerFence, bool prepareFirst = true) => s =>
    {
        var words = new Words();
        s.Thread("waiter", () =>
        {
            if (!prepareFirst && Atomics.Read(ref words.Flag, words) != 0)
                return;
            if (waiterFence)
                Atomics.Exchange(ref words.Waiter, 1, words);
            else
                Atomics.Write(ref words.Waiter, 1, words);
            var spin = default(SpinState);
            while (!prepareFirst || Atomics.Read(ref words.Flag, words) == 0)
            {
                while (Atomics.Exchange(ref words.Woken, 0, words) == 0)
                    Cpu.Relax(ref spin);
                prepareFirst = true;
            }
        });
        s.Thread("waker", () =>
        {
            Atomics.Write(ref words.Flag, 1, words);
            if (wakerFence)
                Atomics.Fence();
            if (Atomics.Read(ref words.Waiter, words) != 0)
                Atomics.Write(ref words.Woken, 1, words);
        });
    };

    [Fact]
    public void Without_either_fence_the_wake_up_is_lost_in_a_store_buffer()
    {
        Explored.Clean(Wake(waiterFence: true, wakerFence: true), weak: true);
        AssertSleepsForEver(Wake(waiterFence: true, wakerFence: false), weak: true);
        AssertSleepsForEver(Wake(waiterFence: false, wakerFence: true), weak: true);
        // Without store buffers nothing is wrong: this is what the weak mode is for.
        Explored.Clean(Wake(waiterFence: false, wakerFence: false));
    }

    [Fact]
    public void Looking_at_the_condition_before_announcing_oneself_loses_the_wake_up_on_any_machine() =>
        AssertSleepsForEver(Wake(waiterFence: true, wakerFence: true, prepareFirst: false), weak: false);

    private static void AssertSleepsForEver(Action<Schedule> build, bool weak)
    {
        var kind = Explored.Failure(build, weak, schedules: 2000)?.Verdict?.Kind;
        Assert.True(kind is VerdictKind.Livelock or VerdictKind.Deadlock or VerdictKind.LostWakeUp,
            $"the lost wake-up was not found ({kind})");
    }
}
