using Warren.Locking;

namespace Warren.Lab.Tests;

public sealed class ExplorerTests
{
    private static readonly LockClass A = new("test_a", WaitContext.Sleep);
    private static readonly LockClass B = new("test_b", WaitContext.Sleep);

    [Fact]
    public void Two_locks_taken_in_both_orders_deadlock()
    {
        var scenario = new DelegateScenario("abba", "Two locks in both orders.", s =>
        {
            var a = new Mutex(A);
            var b = new Mutex(B);
            s.Thread("ab", () => Take(a, b));
            s.Thread("ba", () => Take(b, a));
        });
        var result = Explorer.Explore(scenario, new ExplorationOptions { LockOrder = false });
        Assert.Equal(VerdictKind.Deadlock, result.Failure?.Verdict?.Kind);
    }

    private static void Take(Mutex outer, Mutex inner)
    {
        outer.Lock();
        inner.Lock();
        inner.Unlock();
        outer.Unlock();
    }
}
