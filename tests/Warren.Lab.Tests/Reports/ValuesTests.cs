using Warren.Lab.Reports;
using Warren.Locking;

namespace Warren.Lab.Tests.Reports;

/// <summary>The values that steps of a trace say that they read, found and left.</summary>
public sealed class ValuesTests
{
    [Fact]
    public void An_update_says_what_it_found_and_what_it_left()
    {
        var words = Words(static box =>
        {
            Atomics.Write(ref box.Count, 4, box);
            Atomics.Increment(ref box.Count, box);
            Atomics.Exchange(ref box.Count, 9, box);
            Atomics.CompareExchange(ref box.Count, 1, 8, box);
            Atomics.Or(ref box.Flags, 6, box);
            Atomics.And(ref box.Flags, ~2u, box);
            Atomics.Add(ref box.Count, -12, box);
        });
        Assert.Equal(
        [
            "write Box#1.Count ← 4", "update Box#1.Count: 4 → 5", "update Box#1.Count: 5 → 9", "update Box#1.Count, found 9: fails",
            "update Box#1.Flags: 0 → 6", "update Box#1.Flags: 6 → 4", "update Box#1.Count: 9 → -3",
        ], words);
    }

    /// <summary>An object has one name, whether steps touch it or only hand it on.</summary>
    [Fact]
    public void References_are_called_by_type_and_number()
    {
        var words = Words(static box =>
        {
            var (one, other, text) = (new Box(), new Box(), new List<int>());
            Atomics.Read(ref box.Next, box);
            Atomics.Write(ref box.Next, one, box);
            Atomics.CompareExchange(ref box.Next, other, one, box);
            Atomics.CompareExchange(ref box.Next, one, null, box);
            Atomics.Write(ref other.Count, 1, other);
            Shared.Read(ref box.Next, box);
            Atomics.Exchange(ref box.Any, text, box);
            Atomics.Write(ref box.Next, null, box);
        });
        // The second box has been touched, the first one never.
        Assert.Equal(
        [
            "read Box#1.Next = null", "write Box#1.Next ← Box#3", "update Box#1.Next: Box#3 → Box#2",
            "update Box#1.Next, found Box#2: fails", "write Box#2.Count ← 1",
            "load Box#1.Next = Box#2", "update Box#1.Any: null → List`1#1", "write Box#1.Next ← null",
        ], words);
    }

    [Fact]
    public void A_thread_reads_the_reference_that_its_store_buffer_holds()
    {
        var words = Words(static box =>
        {
            Atomics.Write(ref box.Next, new Box(), box);
            Atomics.Read(ref box.Next, box);
            Atomics.Fence();
        }, weakMemory: true);
        Assert.Contains("write Box#1.Next ← Box#2", words);
        Assert.Contains("read Box#1.Next = Box#2", words);
        Assert.DoesNotContain(words, static w => w.EndsWith("null", StringComparison.Ordinal));
    }

    private static string[] Words(Action<Box> steps, bool weakMemory = false)
    {
        var failure = Explorer.Explore(new DelegateScenario("values", "It fails.", s =>
        {
            var box = new Box();
            s.Thread("only", () =>
            {
                steps(box);
                s.Fail(VerdictKind.Invariant, "Enough.");
            });
        }), new ExplorationOptions { Strategy = SearchStrategy.Exhaustive, WeakMemory = weakMemory }).Failure;
        Assert.NotNull(failure);
        return [.. failure.Steps.Select(StepWords.Sentence)];
    }

    private sealed class Box
    {
        public int Count;
        public uint Flags;
        public Box? Next;
        public object? Any;
    }
}
