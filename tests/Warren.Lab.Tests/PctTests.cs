using Warren.Locking;

namespace Warren.Lab.Tests;

/// <summary>
/// Probabilistic concurrency testing finds what needs d orderings at least as often as it promises, for n threads and k steps: 1 in n
/// k^(d-1) schedules of that depth.
/// </summary>
public sealed class PctTests
{
    private const int Schedules = 12_000;
    private const int Steps = 3;

    /// <summary>A fifth of the schedules is of depth 3.</summary>
    private const int Depths = 5;

    private sealed class Cell
    {
        internal int Value;
    }

    /// <summary>How often each order of the threads' steps came about.</summary>
    private static Dictionary<string, int> Orders(int threads)
    {
        var orders = new Dictionary<string, int>();
        var scenario = new DelegateScenario("orders", "Every step touches the same word.", s =>
        {
            var cell = new Cell();
            var order = "";
            for (var t = 0; t < threads; t++)
            {
                var name = (char)('a' + t);
                s.Thread($"{name}", () =>
                {
                    for (var i = 0; i < Steps; i++)
                    {
                        Atomics.Add(ref cell.Value, 1, cell);
                        order += name;
                    }
                });
            }

            s.Cleanup(() => orders[order] = orders.GetValueOrDefault(order) + 1);
        })
        { StateByThread = false };
        var options =
            new ExplorationOptions
            { Strategy = SearchStrategy.Pct, MaxSchedules = Schedules, Seed = 11, LockOrder = false, DataRaces = false };
        Assert.Null(Explorer.Explore(scenario, options).Failure);
        return orders;
    }

    private static int Promised(int threads) => Schedules / Depths / (threads * (threads * Steps) * (threads * Steps));

    private static string Turn(char thread, int steps) => new(thread, steps);

    [Fact]
    public void Two_threads_interrupt_each_other_at_any_two_steps()
    {
        var orders = Orders(2);
        for (var a = 1; a < Steps; a++)
        {
            for (var b = 1; b < Steps; b++)
            {
                var order = Turn('a', a) + Turn('b', b) + Turn('a', Steps - a) + Turn('b', Steps - b);
                Assert.InRange(orders.GetValueOrDefault(order), Promised(2), Schedules);
            }
        }
    }

    /// <summary>The thread that was interrupted first may go on first or last: the ranks of the change points have no order.</summary>
    [Fact]
    public void Two_interrupted_threads_go_on_in_either_order()
    {
        var orders = Orders(3);
        for (var a = 1; a < Steps; a++)
        {
            for (var b = 1; b < Steps; b++)
            {
                var interrupted = Turn('a', a) + Turn('b', b) + Turn('c', Steps);
                var (restOfA, restOfB) = (Turn('a', Steps - a), Turn('b', Steps - b));
                Assert.InRange(orders.GetValueOrDefault(interrupted + restOfA + restOfB), Promised(3), Schedules);
                Assert.InRange(orders.GetValueOrDefault(interrupted + restOfB + restOfA), Promised(3), Schedules);
            }
        }
    }
}
