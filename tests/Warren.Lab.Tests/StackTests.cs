using Warren.Locking;

namespace Warren.Lab.Tests;

/// <summary>Logical threads on one stack: nobody can tell but by the clock.</summary>
public sealed class StackTests
{
    private const int Schedules = 500;

    private static readonly LockClass Class = new("test_stack", WaitContext.Sleep);
    private static readonly LockClass Event = new("test_stack_event", WaitContext.Sleep);

    private sealed class Cell
    {
        internal int Value;
    }

    /// <summary>A schedule that came to its end: the names of the threads in the order in which they told of themselves.</summary>
    private sealed record Played(string Order, bool Stacked);

    /// <summary>The schedules played of bodies that are given their names and a way to tell that a thread was there.</summary>
    private static List<Played> Play(bool stateByThread, bool lockOrder, Func<Action<char>, Action<char>[]> threads)
    {
        var played = new List<Played>();
        var scenario = new DelegateScenario("stacks", "Who plays whom.", s =>
        {
            var (order, stacked) = ("", false);
            var running = new Dictionary<int, int>();
            var bodies = threads(name => order += name);
            for (var i = 0; i < bodies.Length; i++)
            {
                var (name, body) = ((char)('a' + i), bodies[i]);
                s.Thread($"{name}", () =>
                {
                    var id = Environment.CurrentManagedThreadId;
                    var others = running.GetValueOrDefault(id);
                    stacked |= others > 0;
                    running[id] = others + 1;
                    body(name);
                    running[id]--;
                });
            }

            s.AtEnd("is written down", () =>
            {
                played.Add(new Played(order, stacked));
                return null;
            });
        })
        { StateByThread = stateByThread };
        var result =
            Explorer.Explore(scenario,
                new ExplorationOptions { Strategy = SearchStrategy.Pct, MaxSchedules = Schedules, Seed = 5, LockOrder = lockOrder });
        Assert.Null(result.Failure);
        Assert.Equal(Schedules, result.Schedules);
        Assert.Equal(Schedules, played.Count);
        return played;
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Threads_share_a_stack_and_the_schedules_are_the_same(bool lockOrder)
    {
        static Action<char>[] Adders(Action<char> tell)
        {
            var cell = new Cell();
            void Add(char name)
            {
                for (var i = 0; i < 6; i++)
                {
                    Atomics.Add(ref cell.Value, 1, cell);
                    tell(name);
                }
            }

            return [Add, Add, Add];
        }

        var own = Play(stateByThread: true, lockOrder, Adders);
        var shared = Play(stateByThread: false, lockOrder, Adders);
        Assert.Equal(own.Select(static p => p.Order), shared.Select(static p => p.Order));
        Assert.DoesNotContain(own, static p => p.Stacked);
        Assert.InRange(shared.Count(static p => p.Stacked), Schedules / 4, Schedules - 1);
        Assert.InRange(own.Select(static p => p.Order).Distinct().Count(), Schedules / 4, Schedules);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Nobody_begins_on_the_stack_of_one_who_holds_a_lock(bool lockOrder)
    {
        static Action<char>[] Holders(Action<char> tell)
        {
            var cell = new Cell();
            void Hold(char name)
            {
                var mine = new Mutex(Class);
                mine.Lock();
                for (var i = 0; i < 6; i++)
                {
                    Atomics.Add(ref cell.Value, 1, cell);
                    tell(name);
                }

                mine.AssertHeld();
                mine.Unlock();
            }

            return [Hold, Hold, Hold];
        }

        var played = Play(stateByThread: false, lockOrder, Holders);
        Assert.DoesNotContain(played, static p => p.Stacked);
        Assert.InRange(played.Select(static p => p.Order).Distinct().Count(), Schedules / 4, Schedules);
    }

    /// <summary>
    /// The schedule is given up, the rest is played on stacks of their own; but for that one they are those that would have been.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Where_the_thread_on_top_waits_for_the_one_below_each_gets_its_own(bool lockOrder)
    {
        static Action<char>[] Waiters(Action<char> tell)
        {
            var cell = new Cell();
            var news = new RcuWait(Event);
            void Add(char name)
            {
                for (var i = 0; i < 4; i++)
                {
                    Atomics.Add(ref cell.Value, 1, cell);
                    tell(name);
                }

                news.WakeUp();
            }

            void Wait(char name)
            {
                news.Prepare();
                while (Atomics.Read(ref cell.Value, cell) < 4)
                {
                    tell(name);
                    news.Wait();
                }

                news.Finish();
                tell(name);
            }

            return [Add, Wait];
        }

        var own = Play(stateByThread: true, lockOrder, Waiters).ConvertAll(static p => p.Order);
        var shared = Play(stateByThread: false, lockOrder, Waiters).ConvertAll(static p => p.Order);
        var same = own.Zip(shared).TakeWhile(static p => p.First == p.Second).Count();
        Assert.InRange(same, 0, Schedules / 2);
        Assert.Equal(own.Skip(same + 1), shared.Skip(same).SkipLast(1));
    }
}
