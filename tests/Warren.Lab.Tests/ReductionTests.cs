using Warren.Locking;

namespace Warren.Lab.Tests;

/// <summary>
/// The reduced search loses nothing: at each bound its schedules lead to the same final outcomes as every schedule does.
/// </summary>
public sealed class ReductionTests
{
    private static readonly LockClass A = new("reduction_a", WaitContext.Sleep);
    private static readonly LockClass S = new("reduction_s", WaitContext.Spin);
    private static readonly LockClass R = new("reduction_r", WaitContext.Spin);
    private static readonly LockClass W = new("reduction_w", WaitContext.Sleep);
    private static readonly LockClass U = new("reduction_u", WaitContext.Free);

    public static TheoryData<string> Names => [.. LitmusPrograms.All.Keys];

    private sealed record Search(SortedSet<string> Outcomes, long Schedules, bool CutOff, bool Finished, Verdict? Verdict);

    private static Search Run(Action<Schedule, LitmusPrograms.State> program, int bound, bool reduce, long limit = 60_000,
        bool weak = false)
    {
        var outcomes = new SortedSet<string>(StringComparer.Ordinal);
        var scenario = new DelegateScenario("litmus", "", s =>
        {
            var state = new LitmusPrograms.State();
            program(s, state);
            s.AtEnd("outcome", () =>
            {
                outcomes.Add(state.ToString());
                return null;
            });
        });
        using var exploration =
            new Exploration(scenario, new ExplorationOptions { LockOrder = false, DataRaces = false, WeakMemory = weak });
        var search = new ExhaustiveSearch(bound, reduce);
        var engine = exploration.Engine;
        var verdict = engine.Run(search, () => engine.Schedules < limit);
        return new(outcomes, engine.Schedules, search.CutOff, search.Finished, verdict);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Reduced_and_full_search_see_the_same_outcomes_at_each_bound(string name)
    {
        var program = LitmusPrograms.All[name];
        foreach (var bound in (int[])[0, 1, 2, 3, int.MaxValue])
        {
            var full = Run(program, bound, reduce: false);
            var reduced = Run(program, bound, reduce: true);
            Assert.Null(full.Verdict);
            Assert.Null(reduced.Verdict);
            Assert.True(full.Finished && reduced.Finished,
                $"bound {bound}: {full.Schedules} and {reduced.Schedules} schedules were not enough");
            Assert.Equal(full.Outcomes, reduced.Outcomes);
            Assert.True(reduced.Schedules <= full.Schedules, $"bound {bound}: {reduced.Schedules} of {full.Schedules}");
        }
    }

    /// <summary>When a store reaches memory is nobody's preemption: none is needed for what only store buffers allow.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void So_do_they_with_store_buffers(string name)
    {
        var program = LitmusPrograms.All[name];
        foreach (var bound in (int[])[0, 1, 2])
        {
            var full = Run(program, bound, reduce: false, limit: 20_000, weak: true);
            var reduced = Run(program, bound, reduce: true, weak: true);
            Assert.True(reduced.Finished, $"bound {bound}: {reduced.Schedules} schedules were not enough");
            Assert.True(full.Finished ? full.Outcomes.SetEquals(reduced.Outcomes) : full.Outcomes.IsSubsetOf(reduced.Outcomes),
                $"bound {bound}: {string.Join("; ", full.Outcomes.Except(reduced.Outcomes))} ({full.Schedules} and {reduced.Schedules} "
                    + $"schedules)");
        }
    }

    [Fact]
    public void What_only_store_buffers_allow_needs_no_preemption() =>
        Assert.Contains(Run(LitmusPrograms.All["store-buffering"], bound: 0, reduce: true, weak: true).Outcomes,
            static o => o.EndsWith("0,0,0,0,0,0,0,0", StringComparison.Ordinal));

    [Theory]
    [MemberData(nameof(Names))]
    public void Without_a_bound_every_order_that_differs_is_explored(string name)
    {
        var full = Classes(LitmusPrograms.All[name], reduce: false);
        var reduced = Classes(LitmusPrograms.All[name], reduce: true);
        Assert.NotEmpty(full);
        Assert.True(reduced.SetEquals(full), $"{full.Except(reduced).Count()} of {full.Count} orders are missing");
    }

    private static HashSet<ulong> Classes(Action<Schedule, LitmusPrograms.State> program, bool reduce)
    {
        var scenario = new DelegateScenario("litmus", "", s => program(s, new LitmusPrograms.State()));
        using var exploration = new Exploration(scenario, new ExplorationOptions { LockOrder = false, DataRaces = false });
        var search = new ExhaustiveSearch(int.MaxValue, reduce);
        var classes = new TraceClasses(search);
        Assert.Null(exploration.Engine.Run(classes, static () => true));
        Assert.True(search.Finished);
        return classes.Seen;
    }

    [Fact]
    public void Steps_that_do_not_touch_the_same_are_explored_in_one_order()
    {
        var program = LitmusPrograms.All["independent-writes"];
        Assert.Equal(1, Run(program, int.MaxValue, reduce: true).Schedules);
        Assert.Equal(20, Run(program, int.MaxValue, reduce: false).Schedules);
    }

    /// <summary>
    /// The first thread takes the turn from nobody: without a preemption the threads run one after the other in every order, not only in
    /// one.
    /// </summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Any_thread_may_begin_without_a_preemption(bool reduce)
    {
        static void Program(Schedule s, LitmusPrograms.State m)
        {
            for (var i = 0; i < 3; i++)
            {
                var digit = i + 1;
                s.Thread($"t{i}", () => m.Write(ref m.X, (Atomics.Read(ref m.X, m) * 10) + digit));
            }
        }

        var found = Run(Program, bound: 0, reduce);
        Assert.True(found.Finished);
        Assert.Equal(6, found.Outcomes.Count);
    }

    [Fact]
    public void Private_work_around_a_race_costs_no_schedules()
    {
        static void Program(Schedule s, LitmusPrograms.State m)
        {
            s.Thread("a",
                () =>
                {
                    m.Write(ref m.X, 1); m.Write(ref m.X, 2); m.Write(ref m.X, 3); m.Write(ref m.Z, 1); m.Write(ref m.X, 4);
                    m.Write(ref m.X, 5);
                });
            s.Thread("b",
                () =>
                {
                    m.Write(ref m.Y, 1); m.Write(ref m.Y, 2); m.Write(ref m.Y, 3); m.Read(0, ref m.Z); m.Write(ref m.Y, 4);
                    m.Write(ref m.Y, 5);
                });
        }

        Assert.Equal(924, Run(Program, int.MaxValue, reduce: false).Schedules);
        // Two orders differ; going back to either side of the race costs one schedule more.
        Assert.InRange(Run(Program, int.MaxValue, reduce: true).Schedules, 2, 3);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Random_programs_lose_no_outcome_either(bool weak)
    {
        var compared = 0;
        for (var seed = 0; seed < 100; seed++)
        {
            var random = new Random(seed);
            var threads = random.Next(3) == 0 ? 3 : 2;
            var code = Enumerable.Range(0, threads).Select(_ => Generate(random, threads == 2 ? 4 + random.Next(3) : 3)).ToArray();
            foreach (var bound in weak ? (int[])[0, 1, int.MaxValue] : [0, 1, 2])
            {
                var full = Run((s, m) => Execute(s, m, code), bound, reduce: false, limit: 4_000, weak);
                if (!full.Finished)
                    continue;
                var reduced = Run((s, m) => Execute(s, m, code), bound, reduce: true, weak: weak);
                compared++;
                Assert.Equal(full.Verdict?.Kind, reduced.Verdict?.Kind);
                if (full.Verdict is null)
                {
                    Assert.True(full.Outcomes.SetEquals(reduced.Outcomes),
                        $"seed {seed}, bound {bound}: {string.Join("; ", full.Outcomes.Except(reduced.Outcomes))}");
                }
            }
        }

        Assert.True(compared > (weak ? 20 : 40), $"{compared}");
    }

    private enum Instruction
    {
        Read,
        Write,
        Add,
        CompareExchange,
        Mutex,
        Spin,
        ReadLock,
        WriteLock,
        DownRead,
        DownWrite,
        Section,
        TryMutex,
        Synchronize,
        Leave,
    }

    /// <summary>Locks nest in the order of their instructions, each is left in reverse order, and grace periods stand alone.</summary>
    private static List<(Instruction What, int Operand)> Generate(Random random, int length)
    {
        var code = new List<(Instruction, int)>();
        var held = new Stack<Instruction>();
        for (var i = 0; i < length; i++)
        {
            var what = (Instruction)random.Next((int)Instruction.Leave + 1);
            if (what == Instruction.Leave ? held.TryPop(out _) : what < Instruction.Mutex
                || (what >= Instruction.TryMutex ? held.Count == 0 : Level(what) > held.Select(Level).DefaultIfEmpty(-1).Max()))
            {
                code.Add((what, random.Next(6)));
            }
            if (what is >= Instruction.Mutex
                and < Instruction.TryMutex && code.Count > 0 && code[^1].Item1 == what
                && Level(what) > held.Select(Level).DefaultIfEmpty(-1).Max())
            {
                held.Push(what);
            }
        }

        for (; held.Count > 0; held.Pop())
            code.Add((Instruction.Leave, 0));
        return code;
    }

    private static int Level(Instruction what) => what switch
    {
        Instruction.DownRead or Instruction.DownWrite => 0,
        Instruction.Mutex => 1,
        Instruction.ReadLock or Instruction.WriteLock => 2,
        Instruction.Spin => 3,
        _ => 4,
    };

    private static void Execute(Schedule schedule, LitmusPrograms.State state, List<(Instruction What, int Operand)>[] code)
    {
        var (mutex, spin, rw, sem, srcu) = (new Mutex(A), new SpinLock(S), new RwLock(R), new RwSemaphore(W), new Srcu(U));
        for (var t = 0; t < code.Length; t++)
        {
            var self = t;
            schedule.Thread($"t{t}", () =>
            {
                var leave = new Stack<Action>();
                var note = 0;
                foreach (var (what, operand) in code[self])
                {
                    ref var location = ref operand % 2 == 0 ? ref state.X : ref state.Y;
                    switch (what)
                    {
                        case Instruction.Read:
                            note = (note * 7) + Atomics.Read(ref location, state);
                            break;
                        case Instruction.Write:
                            Atomics.Write(ref location, operand + 1, state);
                            break;
                        case Instruction.Add:
                            note = (note * 7) + Atomics.Add(ref location, operand, state);
                            break;
                        case Instruction.CompareExchange:
                            note = (note * 7) + Atomics.CompareExchange(ref location, operand + 1, operand / 2, state);
                            break;
                        case Instruction.Mutex:
                            mutex.Lock();
                            state.Z = (state.Z * 3) + self + 1;
                            leave.Push(mutex.Unlock);
                            break;
                        case Instruction.Spin:
                            spin.Lock();
                            state.R[5] = (state.R[5] * 3) + self + 1;
                            leave.Push(spin.Unlock);
                            break;
                        case Instruction.ReadLock:
                            rw.ReadLock();
                            note = (note * 7) + state.R[6];
                            leave.Push(rw.ReadUnlock);
                            break;
                        case Instruction.WriteLock:
                            rw.WriteLock();
                            state.R[6] = (state.R[6] * 3) + self + 1;
                            leave.Push(rw.WriteUnlock);
                            break;
                        case Instruction.DownRead:
                            sem.DownRead();
                            note = (note * 7) + state.R[7];
                            leave.Push(sem.UpRead);
                            break;
                        case Instruction.DownWrite:
                            sem.DownWrite();
                            state.R[7] = (state.R[7] * 3) + self + 1;
                            leave.Push(sem.UpWrite);
                            break;
                        case Instruction.Section:
                            var index = srcu.ReadLock();
                            leave.Push(() => srcu.ReadUnlock(index));
                            break;
                        case Instruction.TryMutex:
                            if (mutex.TryLock())
                            {
                                state.Z = (state.Z * 3) + self + 1;
                                mutex.Unlock();
                                note++;
                            }

                            break;
                        case Instruction.Synchronize:
                            srcu.Synchronize();
                            break;
                        case Instruction.Leave:
                            leave.Pop()();
                            break;
                    }
                }

                state.R[self] = note;
            });
        }
    }
}
