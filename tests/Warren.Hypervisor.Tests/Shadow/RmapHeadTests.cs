using System.Runtime.InteropServices;
using FsCheck;
using FsCheck.Fluent;
using Warren.Locking;

namespace Warren.Hypervisor.Tests.Shadow;

/// <summary>Reverse-map heads against a list, with every descriptor accounted for.</summary>
public sealed unsafe class RmapHeadTests : IDisposable
{
    private readonly RmapPool _pool = new(new SpinLock(HypervisorLocks.MmuPagesLock));
    private readonly RmapHead* _heads = (RmapHead*)NativeMemory.AllocZeroed(4, (nuint)sizeof(RmapHead));
    private RmapCache _cache;

    public void Dispose()
    {
        _cache.Drain(_pool);
        Assert.Equal(0, _pool.InUse);
        _pool.Dispose();
        NativeMemory.Free(_heads);
    }

    /// <summary>SPTE addresses are multiples of 8, and are never dereferenced here.</summary>
    private static ulong* Spte(int number) => (ulong*)(0x7f00_0000_0000 + (ulong)number * 8);

    private static int Number(ulong* spte) => (int)(((ulong)spte - 0x7f00_0000_0000) / 8);

    private void Add(int head, int number)
    {
        Assert.True(_cache.TryTopUp(_pool));
        Assert.True(_heads[head].TryAdd(Spte(number), ref _cache));
    }

    private List<int> Contents(int head)
    {
        List<int> found = [];
        var at = RmapHead.Iterate(_heads + head);
        for (ulong* spte; (spte = at.Next()) != null;) found.Add(Number(spte));
        return found;
    }

    private void AssertIs(int head, List<int> model)
    {
        Assert.Equal(model.Order(), Contents(head).Order());
        Assert.Equal(model.Count, _heads[head].Count);
        Assert.Equal(model.Count == 0, _heads[head].IsEmpty);
    }

    /// <summary>Only the first descriptor is partly filled, so a chain has no more than it needs.</summary>
    private static int Descriptors(int count) => count < 2 ? 0 : (count + RmapDescriptor.Capacity - 1) / RmapDescriptor.Capacity;

    public enum Operation { Add, Remove, RemoveAbsent, Drain, Clear }

    public sealed record Step(Operation Operation, int Head, int Pick, int Times);

    private static readonly Gen<Step> Steps =
        from operation
        in Gen.Elements(Operation.Add, Operation.Add, Operation.Add, Operation.Remove, Operation.Remove, Operation.RemoveAbsent,
            Operation.Drain, Operation.Clear)
        from head in Gen.Choose(0, 3)
        from pick in Gen.Choose(0, 1 << 20)
        from times in Gen.Elements(1, 1, 2, 13, 14, 15, 30)
        select new Step(operation, head, pick, times);

    [Fact]
    public void Heads_agree_with_lists()
    {
        Prop.ForAll(Arb.From(Steps.ArrayOf(80)), steps =>
        {
            List<int>[] model = [[], [], [], []];
            var fresh = 0;
            foreach (var step in steps)
            {
                var list = model[step.Head];
                switch (step.Operation)
                {
                    case Operation.Add:
                        for (var i = 0; i < step.Times; i++)
                        {
                            Add(step.Head, fresh);
                            list.Add(fresh++);
                        }
                        break;
                    case Operation.Remove:
                        for (var i = 0; i < step.Times && list.Count > 0; i++)
                        {
                            var index = (int)((uint)(step.Pick * (i + 1)) % (uint)list.Count);
                            Assert.True(_heads[step.Head].Remove(Spte(list[index]), _pool));
                            list.RemoveAt(index);
                        }
                        break;
                    case Operation.RemoveAbsent:
                        Assert.False(_heads[step.Head].Remove(Spte(fresh + 7), _pool));
                        break;
                    case Operation.Drain:
                        DrainSome(step, list);
                        break;
                    case Operation.Clear:
                        _heads[step.Head].Clear(_pool);
                        list.Clear();
                        break;
                }
                AssertIs(step.Head, list);
                Assert.Equal(model.Sum(l => Descriptors(l.Count)) + _cache.Count, _pool.InUse);
            }
            for (var i = 0; i < 4; i++) _heads[i].Clear(_pool);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(200));
    }

    /// <summary>Removes during the walk, chosen by the bits of a number, now the one just returned and now one returned before.</summary>
    private void DrainSome(Step step, List<int> list)
    {
        List<int> expected = [.. list], seen = [], kept = [];
        var at = RmapHead.Iterate(_heads + step.Head);
        var bits = (uint)step.Pick | 1u << 31;
        for (ulong* spte; (spte = at.Next()) != null;)
        {
            var number = Number(spte);
            seen.Add(number);
            kept.Add(number);
            bits = bits >> 1 | bits << 31;
            if ((bits & 3) == 0) continue;
            var victim = (bits & 4) != 0 ? number : kept[(int)(bits % (uint)kept.Count)];
            kept.Remove(victim);
            list.Remove(victim);
            Assert.True(_heads[step.Head].Remove(Spte(victim), _pool));
        }
        // Each was returned exactly once, whatever was removed.
        Assert.Equal(expected.Order(), seen.Order());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(14)]
    [InlineData(15)]
    [InlineData(28)]
    [InlineData(29)]
    [InlineData(RmapHead.RecycleThreshold + 1)]
    public void A_walk_that_removes_all_it_sees_leaves_nothing(int count)
    {
        for (var i = 0; i < count; i++) Add(0, i);
        Assert.Equal(count, _heads[0].Count);
        var at = RmapHead.Iterate(_heads);
        var seen = 0;
        for (ulong* spte; (spte = at.Next()) != null; seen++) Assert.True(_heads[0].Remove(spte, _pool));
        Assert.Equal(count, seen);
        Assert.True(_heads[0].IsEmpty);
        Assert.Equal(_cache.Count, _pool.InUse);
    }

    [Fact]
    public void An_addition_that_needs_a_descriptor_and_finds_none_changes_nothing()
    {
        RmapCache empty = default;
        Assert.True(_heads[0].TryAdd(Spte(0), ref empty));
        Assert.False(_heads[0].TryAdd(Spte(1), ref empty));
        Assert.Equal([0], Contents(0));
        for (var i = 1; i < 14; i++) Add(0, i);
        Assert.False(_heads[0].TryAdd(Spte(14), ref empty));
        AssertIs(0, [.. Enumerable.Range(0, 14)]);
        Assert.True(_heads[0].Remove(Spte(3), _pool));
        Assert.True(_heads[0].TryAdd(Spte(14), ref empty));
        Assert.Equal(14, _heads[0].Count);
        _heads[0].Clear(_pool);
    }

    [Fact]
    public void Without_memory_a_cache_says_so_keeps_what_it_has_and_fills_up_later()
    {
        _pool.FailChunk = () => true;
        Assert.False(_cache.TryTopUp(_pool));
        Assert.Equal(0, _cache.Count);
        Assert.Equal(0, _pool.Bytes);
        _pool.FailChunk = null;
        Assert.True(_cache.TryTopUp(_pool));
        Assert.Equal(RmapCache.Capacity, _cache.Count);
        Assert.Equal(64 << 10, _pool.Bytes);
    }

    [Fact]
    public void A_slots_block_covers_what_the_slot_reaches_into()
    {
        using SlotRmaps rmaps = new(new Gfn(0x3ff), 0x202);
        Assert.Equal(3UL, rmaps.HugePages);
        Assert.True(rmaps.Bytes >= 0x202 * 10);
        Assert.True(rmaps.IsIdle());
        // Every place is its own: set one after the other to a value of its own, then look again.
        RmapCache none = default;
        for (ulong gfn = 0x3ff; gfn < 0x601; gfn++)
        {
            Assert.True(rmaps.Head(new Gfn(gfn), 1)->IsEmpty);
            Assert.True(rmaps.Head(new Gfn(gfn), 1)->TryAdd(Spte((int)gfn), ref none));
            rmaps.WriteTrack(new Gfn(gfn)) = (ushort)gfn;
            rmaps.DisallowHuge(new Gfn(gfn))++;
            if (rmaps.Head(new Gfn(gfn), 2)->IsEmpty) Assert.True(rmaps.Head(new Gfn(gfn), 2)->TryAdd(Spte(1 << 20 | (int)gfn), ref none));
        }
        for (ulong gfn = 0x3ff; gfn < 0x601; gfn++)
        {
            Assert.Equal((int)gfn, Number(RmapHead.Iterate(rmaps.Head(new Gfn(gfn), 1)).Next()));
            Assert.Equal((ushort)gfn, rmaps.WriteTrack(new Gfn(gfn)));
            Assert.Equal(gfn == 0x3ff ? 1u : gfn < 0x600 ? 0x200u : 1u, rmaps.DisallowHuge(new Gfn(gfn)));
            Assert.Equal(1 << 20 | (int)Math.Max(gfn & ~0x1ffUL, 0x3ff), Number(RmapHead.Iterate(rmaps.Head(new Gfn(gfn), 2)).Next()));
            Assert.False(rmaps.IsIdle());
        }
    }

    [Fact]
    public void A_slot_costs_a_quarter_of_a_percent_of_its_memory()
    {
        const ulong gib = 1UL << 18;
        using SlotRmaps rmaps = new(new Gfn(0x80000), gib);
        Assert.InRange(rmaps.Bytes / (double)(1L << 30), 0.0024, 0.0025);
    }
}
