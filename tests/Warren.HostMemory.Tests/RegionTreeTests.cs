using FsCheck;
using FsCheck.Fluent;

namespace Warren.HostMemory.Tests;

public sealed class RegionTreeTests
{
    [Fact]
    public void Lookups_equal_a_scan_after_any_updates_and_the_tree_stays_balanced()
    {
        var ops = Gen.Choose(0, 3)
            .SelectMany(kind => Gen.Choose(0, 60).SelectMany(start => Gen.Choose(1, 20).Select(length => (kind, start, length)))).ListOf();
        Prop.ForAll(ops.ToArbitrary(), list =>
        {
            var owner = new RecordingNotifier();
            RegionTree? tree = null;
            var model = new List<TestRegion>();
            long key = 0;
            foreach (var (kind, start, length) in list)
            {
                if (kind < 2 || model.Count == 0)
                {
                    var region = new TestRegion(owner, new Hva((ulong)start), new Hva((ulong)(start + length))) { IndexKey = ++key };
                    tree = RegionTree.Insert(tree, region, region.IndexKey);
                    model.Add(region);
                }
                else
                {
                    var old = model[(start + length) % model.Count];
                    model.Remove(old);
                    if (kind == 2)
                    {
                        tree = RegionTree.Remove(tree, old);
                    }
                    else
                    {
                        var same = new TestRegion(owner, old.HvaStart, old.HvaEnd) { IndexKey = old.IndexKey };
                        tree = RegionTree.Replace(tree, old, same);
                        model.Add(same);
                    }
                }

                Compare(tree, model, new Hva((ulong)start), new Hva((ulong)(start + length)));
            }

            Compare(tree, model, new Hva(0), new Hva(1000));
            var height = RegionTree.Height(tree);
            return RegionTree.Count(tree) == model.Count && height <= (1.45 * Math.Log2(model.Count + 2)) + 1;
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void An_old_root_still_shows_the_old_set()
    {
        var owner = new RecordingNotifier();
        RegionTree? tree = null;
        var regions = Enumerable.Range(0, 1000).Select(i => (Key: i, Start: new Hva((ulong)i * 10)))
            .Select(r => new TestRegion(owner, r.Start, r.Start + 5) { IndexKey = r.Key })
            .ToArray();
        foreach (var region in regions)
            tree = RegionTree.Insert(tree, region, region.IndexKey);
        var old = tree;
        foreach (var region in regions)
            tree = RegionTree.Remove(tree, region);
        Assert.Null(tree);
        Compare(old, [.. regions], new Hva(0), new Hva(100_000));
        Assert.Null(RegionTree.WithoutOwner(old, owner));
        Assert.Equal(1000, RegionTree.Count(RegionTree.WithoutOwner(old, new RecordingNotifier())));
    }

    private static void Compare(RegionTree? tree, List<TestRegion> model, Hva start, Hva end)
    {
        var buffer = new RegionBuffer();
        RegionTree.Collect(tree, start, end, buffer);
        var found = buffer.Count == 0 ? [] : buffer.Run(0).ToArray();
        Assert.Equal(buffer.Count, found.Length);
        var expected = model.Where(r => r.HvaStart < end && r.HvaEnd > start).OrderBy(r => r.HvaStart).ThenBy(r => r.IndexKey).ToArray();
        Assert.Equal(expected, found);
    }
}
