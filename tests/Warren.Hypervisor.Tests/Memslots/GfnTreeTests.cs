using FsCheck;
using FsCheck.Fluent;
using Warren.HostMemory;
using Warren.Hypervisor.Invalidation;
using Warren.Hypervisor.Slots;

namespace Warren.Hypervisor.Tests;

public sealed class GfnTreeTests
{
    /// <summary>Slots of 1 to 3 pages on a grid of 4, so that there are gaps and neighbours.</summary>
    private static Memslot Slot(int id, ulong gfn, ulong pages) =>
        new(new VmMmuNotifier(null!), 0, id, new Gfn(gfn), pages, new Hva(0x1000), MemslotFlags.None);

    private static Memslot SlotAt(int cell) => Slot(cell, (ulong)cell * 4 + (ulong)cell % 2, 1 + (ulong)cell % 3);

    [Fact]
    public void Random_additions_and_removals_agree_with_a_sorted_dictionary_and_leave_old_trees_alone()
    {
        var operations = ArbMap.Default.GeneratorFor<int>().Select(i => (i & int.MaxValue) % 400).ArrayOf();
        Prop.ForAll(Arb.From(operations), cells =>
        {
            var tree = GfnTree.Empty;
            var model = new SortedDictionary<ulong, Memslot>();
            var history = new List<(GfnTree Tree, Memslot[] Expected)>();
            foreach (var cell in cells)
            {
                var slot = SlotAt(cell);
                if (model.Remove(slot.BaseGfn.Value))
                {
                    tree = tree.Remove(slot.BaseGfn);
                }
                else
                {
                    model.Add(slot.BaseGfn.Value, slot);
                    tree = tree.Add(slot);
                }
                history.Add((tree, [.. model.Values]));
            }
            foreach (var (old, expected) in history) AssertSame(expected, old);
        }).QuickCheckThrowOnFailure();
    }

    /// <summary>A leaf that shares with its left neighbour, one that shares with its right, and one that becomes one with it.</summary>
    [Fact]
    public void A_removal_at_any_place_leaves_the_tree_before_as_it_was()
    {
        for (var count = 17; count <= 40; count++)
        {
            for (var more = 0; more < 4; more++)
            {
                var tree = GfnTree.Empty;
                var model = new SortedDictionary<ulong, Memslot>();
                var gfns = Enumerable.Range(0, count).Select(i => 10 * i).Concat(Enumerable.Range(0, more).Select(i => 10 * i + 5));
                foreach (var gfn in gfns)
                {
                    var slot = Slot(gfn, (ulong)gfn, 1);
                    tree = tree.Add(slot);
                    model.Add(slot.BaseGfn.Value, slot);
                }
                foreach (var gone in model.Values)
                {
                    Assert.Equal(model.Count - 1, tree.Remove(gone.BaseGfn).Count);
                    AssertSame([.. model.Values], tree);
                }
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(17)]
    [InlineData(300)]
    [InlineData(5000)]
    public void Growing_and_shrinking_in_any_order_keeps_every_lookup_right(int count)
    {
        foreach (var order in new[] { "up", "down", "shuffled" })
        {
            var cells = Enumerable.Range(0, count).ToArray();
            if (order == "down") Array.Reverse(cells);
            if (order == "shuffled") new Random(count).Shuffle(cells);
            var tree = GfnTree.Empty;
            var model = new SortedDictionary<ulong, Memslot>();
            foreach (var cell in cells)
            {
                tree = tree.Add(SlotAt(cell));
                model.Add(SlotAt(cell).BaseGfn.Value, SlotAt(cell));
            }
            Assert.Equal(count, tree.Count);
            foreach (var cell in cells) Assert.Equal(cell, tree.Find(SlotAt(cell).BaseGfn)!.Id);
            AssertShape(tree);
            new Random(count + 1).Shuffle(cells);
            for (var i = 0; i < cells.Length; i++)
            {
                tree = tree.Remove(SlotAt(cells[i]).BaseGfn);
                Assert.Null(tree.Find(SlotAt(cells[i]).BaseGfn));
                if (i % 97 == 0) AssertShape(tree);
            }
            Assert.Same(GfnTree.Empty, tree);
        }
    }

    /// <summary>A separator that stays behind a removed first slot would hide the middle of a slot that reaches past it.</summary>
    [Fact]
    public void A_slot_that_covers_where_others_began_is_found_in_its_whole_length()
    {
        var tree = GfnTree.Empty;
        for (var i = 0; i < 2000; i++) tree = tree.Add(Slot(i, (ulong)i * 2, 1));
        for (var start = 100; start < 1900; start += 60)
        {
            var shorter = tree;
            for (var i = start; i < start + 50; i++) shorter = shorter.Remove(new Gfn((ulong)i * 2));
            var wide = Slot(9999, (ulong)start * 2, 99);
            shorter = shorter.Add(wide);
            for (var gfn = (ulong)start * 2; gfn < (ulong)start * 2 + 99; gfn++) Assert.Same(wide, shorter.Find(new Gfn(gfn)));
            Assert.Null(shorter.Find(new Gfn((ulong)start * 2 + 99)));
        }
    }

    [Fact]
    public void Overlap_is_what_a_scan_says()
    {
        var random = new Random(7);
        for (var round = 0; round < 200; round++)
        {
            var tree = GfnTree.Empty;
            var slots = new List<Memslot>();
            foreach (var cell in Enumerable.Range(0, 60).Where(_ => random.Next(3) != 0))
            {
                slots.Add(SlotAt(cell));
                tree = tree.Add(SlotAt(cell));
            }
            for (var i = 0; i < 50; i++)
            {
                var start = (ulong)random.Next(250);
                var end = start + 1 + (ulong)random.Next(10);
                var except = random.Next(-1, 60);
                Assert.Equal(slots.Any(s => s.Id != except && s.BaseGfn.Value < end && s.EndGfn.Value > start),
                    tree.Overlaps(new Gfn(start), new Gfn(end), except));
            }
        }
    }

    [Fact]
    public void A_lookup_allocates_nothing()
    {
        var tree = GfnTree.Empty;
        for (var i = 0; i < 1000; i++) tree = tree.Add(SlotAt(i));
        var found = 0;
        for (var pass = 0; pass < 2; pass++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (ulong gfn = 0; gfn < 4000; gfn++) found += tree.Find(new Gfn(gfn)) is null ? 0 : 1;
            found += tree.Overlaps(new Gfn(5), new Gfn(500), 3) ? 1 : 0;
            if (pass == 1) Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        }
        Assert.True(found > 1000);
    }

    private static void AssertSame(Memslot[] expected, GfnTree tree)
    {
        Assert.Equal(expected.Length, tree.Count);
        var index = 0;
        foreach (var slot in tree) Assert.Same(expected[index++], slot);
        Assert.Equal(expected.Length, index);
        foreach (var slot in expected)
        {
            Assert.Same(slot, tree.Find(slot.BaseGfn));
            Assert.Same(slot, tree.Find(slot.EndGfn - 1));
            if (!expected.Any(s => s.Contains(slot.EndGfn))) Assert.Null(tree.Find(slot.EndGfn));
        }
    }

    /// <summary>A copied path must stay short: no more levels than nodes at their minimum would need.</summary>
    private static void AssertShape(GfnTree tree)
    {
        var levels = 1;
        for (var full = GfnTree.Node.Minimum; full * 2 < tree.Count; full *= GfnTree.Node.Minimum) levels++;
        Assert.InRange(tree.Height, 0, levels);
    }
}
