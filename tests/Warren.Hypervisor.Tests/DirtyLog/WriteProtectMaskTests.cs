using FsCheck;
using FsCheck.Fluent;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Slots;
using Warren.Hypervisor.Tests.Tdp;
using static Warren.Hypervisor.Tests.Tdp.TdpFixture;

namespace Warren.Hypervisor.Tests.Dirty;

/// <summary>Write-protecting by masks against the same pages protected one by one.</summary>
public abstract class WriteProtectMaskTests(MmuKind mmu)
{
    private const ulong Block = 512;
    private const ulong BlockGfn = 0x8_0000;
    private const ulong Blocks = 3;

    /// <summary>How a 2 MiB block was touched before.</summary>
    private enum Touch
    {
        None,
        Huge,
        SmallPages,
    }

    /// <param name="First">first page of the slot in the first block: chunks then reach across leaf tables unless it is a multiple of
    /// 64</param>
    /// <param name="Touched">how each block is mapped</param>
    /// <param name="Written">seed of the pages that are written rather than read in blocks of small pages</param>
    /// <param name="Masks">chunk and bits, in any order, chunks more than once</param>
    private sealed record Case(int First, Touch[] Touched, int Written, (int Chunk, ulong Mask)[] Masks)
    {
        public ulong Pages => Blocks * Block - (ulong)First;

        public override string ToString() =>
            $"first {First}, {string.Join(' ', Touched)}, seed {Written}, masks "
            + $"{string.Join(' ', Masks.Select(m => $"{m.Chunk}:{m.Mask:x}"))}";
    }

    private static Gen<ulong> Mask => Gen.OneOf(
        Gen.Constant(ulong.MaxValue),
        Gen.Choose(0, 63).Select(i => 1UL << i),
        Gen.Choose(0, 63).Select(i => ulong.MaxValue << i),
        Gen.Choose(0, int.MaxValue).Select(seed => (ulong)new Random(seed).NextInt64() << 1));

    private static Gen<Case> Cases =>
        from first in Gen.OneOf(Gen.Elements(0, 64, 448), Gen.Choose(0, 511))
        from touched in Gen.Elements(Enum.GetValues<Touch>()).ArrayOf((int)Blocks)
        from seed in Gen.Choose(0, int.MaxValue)
        from masks in (from chunk in Gen.Choose(0, (int)((Blocks * Block - (ulong)first - 1) / 64))
                       from mask in Mask
                       select (chunk, mask)).ArrayOf(12)
        select new Case(first, touched, seed, masks);

    private List<(ulong Gfn, int Level, ulong Rights)> Protect(Case c, bool pageWise, out long taken)
    {
        using TdpFixture f = new(mmu);
        var hva = f.Map(Blocks * Huge, hugePages: true);
        var baseGfn = BlockGfn + (ulong)c.First;
        hva += (ulong)c.First * Page;
        ScriptedVcpu cpu = new(f.Vm);
        // While it is logged nothing huge is mapped, and what was only read gets no W.
        f.SetSlot(0, baseGfn * Page, c.Pages * Page, hva, MemslotFlags.LogDirtyPages);
        Random random = new(c.Written);
        for (ulong block = 0; block < Blocks; block++)
        {
            if (c.Touched[block] != Touch.SmallPages) continue;
            for (var page = block == 0 ? (ulong)c.First : 0; page < Block; page += (ulong)random.Next(1, 20))
            {
                var gpa = (BlockGfn + block * Block + page) * Page;
                if (random.Next(3) != 0) cpu.Store(gpa, 1UL);
                else cpu.Load<ulong>(gpa);
            }
        }
        f.SetSlot(0, baseGfn * Page, c.Pages * Page, hva);
        for (ulong block = 0; block < Blocks; block++)
        {
            if (c.Touched[block] == Touch.Huge) cpu.Store((BlockGfn + (block + 1) * Block - 1) * Page, 1UL);
        }
        var slot = f.Vm.GetMemslots(0).FindById(0)!;
        var before = f.Vm.Mmu.Counters.WriteProtected;
        TableCache cache = default;
        LeafTable at = default;
        f.Vm.MmuLock.WriteLock();
        foreach ((var chunk, var mask) in c.Masks)
        {
            var left = c.Pages - (ulong)chunk * 64;
            var inside = left < 64 ? mask & (1UL << (int)left) - 1 : mask;
            for (var bit = 0; bit < 64; bit++)
            {
                var part = pageWise ? inside & 1UL << bit : inside;
                while (part != 0 && !f.Vm.Mmu.WriteProtectMasked(slot, (ulong)chunk * 64, part, ref cache, ref at, zapHuge: false))
                {
                    f.Vm.MmuLock.WriteUnlock();
                    at = default;
                    Assert.True(f.Vm.Mmu.TryTopUpSplits(ref cache));
                    f.Vm.MmuLock.WriteLock();
                }
                if (!pageWise) break;
                // Each page is looked for from the root.
                at = default;
            }
        }
        f.Vm.MmuLock.WriteUnlock();
        f.Vm.Mmu.DrainSplits(ref cache);
        f.Vm.FlushRemoteTlbs();
        taken = f.Vm.Mmu.Counters.WriteProtected - before;
        List<(ulong, int, ulong)> leaves = [];
        f.Vm.Mmu.ForEachLeaf((_, _, gfn, spte) => leaves.Add((gfn.Value, spte.IsHuge ? 2 : 1, spte.Raw & ~Spte.FrameMask)));
        f.Verify();
        foreach ((var chunk, var mask) in c.Masks)
        {
            for (var bit = 0; bit < 64; bit++)
            {
                if ((mask >> bit & 1) == 0) continue;
                var leaf = f.Leaf(baseGfn + (ulong)chunk * 64 + (ulong)bit);
                Assert.False(leaf.Writable || leaf.Dirty || leaf.IsHuge, $"chunk {chunk} page {bit}: {leaf}");
            }
        }
        leaves.Sort();
        return leaves;
    }

    [Fact]
    public void A_mask_protects_what_its_pages_one_by_one_do_and_nothing_else()
    {
        Prop.ForAll(Arb.From(Cases), c =>
        {
            var masked = Protect(c, pageWise: false, out var maskedTaken);
            var single = Protect(c, pageWise: true, out var singleTaken);
            Assert.Equal(single, masked);
            Assert.Equal(singleTaken, maskedTaken);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(60));
    }
}

public sealed class WriteProtectMaskTestsWithTdp() : WriteProtectMaskTests(MmuKind.Tdp);

public sealed class WriteProtectMaskTestsWithShadow() : WriteProtectMaskTests(MmuKind.Shadow);
