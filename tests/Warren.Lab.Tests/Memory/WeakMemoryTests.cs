using Warren.Locking;

namespace Warren.Lab.Tests.Memory;

/// <summary>
/// Litmus tests of x86-TSO: what store buffers allow is found, what they forbid never happens, and one fence makes the difference.
/// </summary>
public sealed class WeakMemoryTests
{
    private static readonly LockClass Spin = new("litmus_spin", WaitContext.Spin);
    private static readonly LockClass Count = new("litmus_count", WaitContext.Free);

    private sealed class Cells
    {
        internal int X;
        internal int Y;
        internal int Turn;
        internal int Inside;
        internal int Left = -1;
        internal int Right = -1;
        internal object? Node;
    }

    public static TheoryData<SearchStrategy> Strategies => [SearchStrategy.Random, SearchStrategy.Pct];

    [Theory]
    [MemberData(nameof(Strategies))]
    public void Store_buffering_is_seen_under_weak_memory_only_and_not_with_fences(SearchStrategy strategy)
    {
        Assert.Equal(VerdictKind.Invariant, Explored.Failure(StoreBuffering(fence: false), weak: true, strategy: strategy)?.Verdict?.Kind);
        Assert.Null(Explored.Failure(StoreBuffering(fence: false), weak: false, schedules: 1000, strategy: strategy));
        Assert.Null(Explored.Failure(StoreBuffering(fence: true), weak: true, schedules: 1000, strategy: strategy));
    }

    [Fact]
    public void The_exhaustive_search_takes_the_transitions_of_store_buffers_in()
    {
        Assert.Equal(VerdictKind.Invariant,
            Explored.Failure(StoreBuffering(fence: false), weak: true, schedules: long.MaxValue,
                strategy: SearchStrategy.Exhaustive)?.Verdict?.Kind);
        var scenario = new DelegateScenario("litmus-sb-fenced", "Store buffering with fences.", StoreBuffering(fence: true));
        var result =
            Explorer.Explore(scenario,
                new ExplorationOptions { Strategy = SearchStrategy.Exhaustive, WeakMemory = true, LockOrder = false, PreemptionBound = 3 });
        Assert.Null(result.Failure);
        Assert.True(result.Exhausted || result.CompletedBound >= 3,
            $"complete to {result.CompletedBound} after {result.Schedules} schedules");
    }

    public static TheoryData<string> CoreScenarios => new(ScenarioCatalogue.Core.Select(s => s.Name));

    [Theory]
    [MemberData(nameof(CoreScenarios))]
    public void Production_code_is_clean_under_store_buffers(string name)
    {
        // The vCPU's mode and request words (access-vs-discard), the order of publications, the ends of invalidations: none leans on more
        // than x86 gives.
        var scenario = ScenarioCatalogue.Core.Single(s => s.Name == name);
        foreach (var strategy in (SearchStrategy[])[SearchStrategy.Random, SearchStrategy.Pct])
        {
            var result = Explorer.Explore(scenario, new ExplorationOptions { Strategy = strategy, MaxSchedules = 100, WeakMemory = true });
            Assert.True(result.Failure is null, $"{strategy}: {result.Failure?.Verdict}");
        }
    }

    [Fact]
    public void A_failing_schedule_names_the_store_buffers_and_replays()
    {
        var scenario = new DelegateScenario("litmus-sb", "Store buffering.", StoreBuffering(fence: false));
        var trace =
            Explorer.Explore(scenario,
                new ExplorationOptions { Strategy = SearchStrategy.Random, WeakMemory = true, LockOrder = false }).Failure!;
        Assert.Contains("store buffer of left", trace.Threads);
        Assert.Contains(trace.Steps, s => s.Note == "into its store buffer");
        Assert.Contains(trace.Steps, s => trace.Threads[s.Thread].StartsWith("store buffer", StringComparison.Ordinal));
        var again = Explorer.Replay(scenario, trace.Replay);
        Assert.Equal(trace.Verdict?.Sentence, again.Verdict?.Sentence);
        Assert.Equal(trace.Steps.Count, again.Steps.Count);
    }

    private static Action<Schedule> StoreBuffering(bool fence) => s =>
    {
        var cells = new Cells();
        s.Thread("left", () =>
        {
            Atomics.Write(ref cells.X, 1, cells);
            if (fence)
                Atomics.Fence();
            cells.Left = Atomics.Read(ref cells.Y, cells);
        });
        s.Thread("right", () =>
        {
            Atomics.Write(ref cells.Y, 1, cells);
            if (fence)
                Atomics.Fence();
            cells.Right = Atomics.Read(ref cells.X, cells);
        });
        s.AtEnd("one sees the other", () => cells.Left == 0 && cells.Right == 0 ? "both read 0" : null);
    };

    [Theory]
    [MemberData(nameof(Strategies))]
    public void Stores_are_performed_in_order(SearchStrategy strategy) => Assert.Null(Explored.Failure(s =>
    {
        var cells = new Cells();
        s.Thread("publisher", () =>
        {
            Atomics.Write(ref cells.X, 1, cells);
            Atomics.Write(ref cells.Node, cells, cells);
            Atomics.Write(ref cells.Y, 1, cells);
        });
        s.Thread("reader", () =>
        {
            var y = Atomics.Read(ref cells.Y, cells);
            var node = Atomics.Read(ref cells.Node, cells);
            var x = Atomics.Read(ref cells.X, cells);
            if ((y == 1 && node is null) || (node is not null && x == 0))
                s.Fail(VerdictKind.Invariant, "the stores were reordered");
        });
    }, weak: true, schedules: 1000, strategy: strategy));

    [Fact]
    public void A_thread_sees_its_own_stores_others_may_not_yet()
    {
        var seenEarly = false;
        Explored.Clean(s =>
        {
            var cells = new Cells();
            s.Thread("writer", () =>
            {
                for (var i = 1; i < 20; i++)
                {
                    Atomics.Write(ref cells.X, i, cells);
                    Shared.Write(ref cells.Turn, i, cells);
                    if (Atomics.Read(ref cells.X, cells) != i || Shared.Read(ref cells.Turn, cells) != i)
                        s.Fail(VerdictKind.Invariant, "a store of its own is lost");
                    seenEarly |= Volatile(cells) != i;
                }
            });
            s.AtEnd("all stores are performed", () => cells.X == 19 && cells.Turn == 19 ? null : "a store is missing");
        }, weak: true);
        Assert.True(seenEarly, "no store ever waited");

        static int Volatile(Cells cells) => System.Threading.Volatile.Read(ref cells.X);
    }

    [Fact]
    public void A_load_of_other_bytes_than_were_stored_waits_for_the_store() => Explored.Clean(s =>
    {
        var memory = new byte[8];
        s.Thread("writer", () =>
        {
            Atomics.Write(ref memory[1], (byte)1, memory);
            var word = Atomics.Read(ref System.Runtime.CompilerServices.Unsafe.As<byte, ulong>(ref memory[0]), memory);
            if (word != 0x100)
                s.Fail(VerdictKind.Invariant, "the load missed a byte stored before");
        });
    }, weak: true);

    [Fact]
    public void Peterson_needs_its_fence()
    {
        Action<Schedule> Build(bool fence) => s =>
        {
            var cells = new Cells();
            s.Thread("first", () => Enter(ref cells.X, ref cells.Y, 1));
            s.Thread("second", () => Enter(ref cells.Y, ref cells.X, 0));

            void Enter(ref int mine, ref int other, int turn)
            {
                Atomics.Write(ref mine, 1, cells);
                Atomics.Write(ref cells.Turn, turn, cells);
                if (fence)
                    Atomics.Fence();
                var spin = default(SpinState);
                while (Atomics.Read(ref other, cells) != 0 && Atomics.Read(ref cells.Turn, cells) == turn)
                    Cpu.Relax(ref spin);
                Shared.Write(ref cells.Inside, Shared.Read(ref cells.Inside, cells) + 1, cells);
                Atomics.Write(ref mine, 0, cells);
            }
        };
        // Without: both are inside, which the race detector sees on what the lock protects.
        Explored.Found(VerdictKind.DataRace, Build(fence: false), weak: true);
        Explored.Clean(Build(fence: false));
        Explored.Clean(Build(fence: true), weak: true);
    }

    [Fact]
    public void A_spinning_lock_is_held_until_its_release_is_performed_and_still_protects()
    {
        Explored.Clean(s =>
        {
            var (spin, cells) = (new SpinLock(Spin), new Cells());
            for (var i = 0; i < 3; i++)
            {
                s.Thread($"t{i}", () =>
                {
                    for (var round = 0; round < 2; round++)
                    {
                        spin.Lock();
                        Shared.Write(ref cells.Inside, Shared.Read(ref cells.Inside, cells) + 1, cells);
                        spin.Unlock();
                    }
                });
            }

            s.AtEnd("sum", () => cells.Inside == 6 ? null : $"{cells.Inside}");
        }, weak: true);
    }

    [Fact]
    public void Releasing_a_spinning_lock_is_no_fence()
    {
        // Each leaves its lock and looks whether the other has been there: both may miss the other, though each store came before an
        // unlock.
        Action<Schedule> Build(bool fence) => s =>
        {
            var (a, b, cells) = (new SpinLock(Spin), new SpinLock(Spin), new Cells());
            s.Thread("left", () => cells.Left = Look(a, ref cells.X, ref cells.Y));
            s.Thread("right", () => cells.Right = Look(b, ref cells.Y, ref cells.X));
            s.AtEnd("one sees the other", () => cells.Left == 0 && cells.Right == 0 ? "both read 0" : null);

            int Look(SpinLock spin, ref int mine, ref int other)
            {
                spin.Lock();
                Atomics.Write(ref mine, 1, cells);
                spin.Unlock();
                if (fence)
                    Atomics.Fence();
                return Atomics.Read(ref other, cells);
            }
        };
        Explored.Found(VerdictKind.Invariant, Build(fence: false), weak: true);
        Explored.Clean(Build(fence: false));
        Explored.Clean(Build(fence: true), weak: true);
    }

    [Fact]
    public void A_sequence_count_validates_under_weak_memory() => Explored.Clean(s =>
    {
        var (count, cells) = (new SequenceCount(Count), new Cells());
        s.Thread("writer", () =>
        {
            for (var i = 1; i <= 2; i++)
            {
                count.WriteBegin();
                Shared.Write(ref cells.X, i, cells);
                Shared.Write(ref cells.Y, i, cells);
                count.WriteEnd();
            }
        });
        s.Thread("reader", () =>
        {
            int x, y;
            uint sequence;
            do
            {
                sequence = count.ReadBegin();
                x = Shared.Read(ref cells.X, cells);
                y = Shared.Read(ref cells.Y, cells);
            }
            while (count.ReadRetry(sequence));
            if (x != y)
                s.Fail(VerdictKind.Invariant, $"torn: {x} and {y}");
        });
    }, weak: true);
}
