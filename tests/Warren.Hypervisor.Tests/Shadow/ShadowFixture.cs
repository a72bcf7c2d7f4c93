using Warren.HostMemory;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Slots;
using Warren.Hypervisor.Vcpus;

namespace Warren.Hypervisor.Tests.Shadow;

/// <summary>A VM with a shadow MMU, 16 MiB of memory at 0, and a guest whose tables tests write.</summary>
internal sealed unsafe class ShadowFixture : IDisposable
{
    public const ulong Page = 4096;
    public const ulong Pages = 4096;
    /// <summary>Where <see cref="MapLinear"/> puts all of memory.</summary>
    public const ulong Linear = 0x10_0000_0000;

    private ulong _nextTable = 0x800;

    public ShadowFixture(VmOptions? options = null, int vcpus = 1, bool hugePages = false, MemslotFlags flags = MemslotFlags.None)
    {
        Pool = new FramePool(128L << 20);
        Memory = new AddressSpace(Pool);
        Vm = new VirtualMachine(Memory, (options ?? new VmOptions()) with { Mmu = MmuKind.Shadow });
        Hva = Memory.Map(Pages * Page, VmaProtection.Read | VmaProtection.Write, hugePages: hugePages);
        SetSlot(0, 0, Pages * Page, Hva, flags);
        Cpus = [.. Enumerable.Range(0, vcpus).Select(_ => new PagingEngine(Vm))];
    }

    public FramePool Pool { get; }
    public AddressSpace Memory { get; }
    public VirtualMachine Vm { get; }
    public Hva Hva { get; }
    public PagingEngine[] Cpus { get; }
    public PagingEngine Cpu => Cpus[0];
    public ShadowMmu Mmu => (ShadowMmu)Vm.Mmu;

    public void SetSlot(uint id, ulong gpa, ulong size, Hva hva, MemslotFlags flags = MemslotFlags.None) =>
        Vm.SetUserMemoryRegion(new UserMemoryRegion
        { Slot = id, Flags = flags, GuestPhysicalAddress = new Gpa(gpa), MemorySize = size, UserspaceAddress = hva });

    public ulong NewTable() => _nextTable++;

    /// <summary>A word of guest memory, past every table of the VM: what a test knows, the guest's caches do not.</summary>
    public ulong Peek(ulong gpa)
    {
        var bytes = new byte[8];
        Assert.True(Vm.ReadGuest(new Gpa(gpa), bytes));
        return BitConverter.ToUInt64(bytes);
    }

    /// <summary>A write by the host, as a device does it.</summary>
    public void Poke(ulong gpa, ulong value) => Assert.True(Vm.WriteGuest(new Gpa(gpa), BitConverter.GetBytes(value)));

    public static ulong EntryAddress(ulong table, ulong address, int level) =>
        (table << 12) + ((address >> 12 + (level - 1) * 9 & 511) << 3);

    /// <summary>
    /// Writes tables, by the host, so that the address is mapped by a leaf of the level; returns where the leaf's entry is.
    /// </summary>
    public ulong MapAt(ulong root, int levels, ulong address, ulong gfn, ulong bits, int leafLevel = 1)
    {
        var table = root;
        for (var level = levels; level > leafLevel; level--)
        {
            var at = EntryAddress(table, address, level);
            var entry = Peek(at);
            if (entry == 0)
            {
                entry = TestFormat.Table(NewTable());
                Poke(at, entry);
            }
            table = entry >> 12;
        }
        var leaf = EntryAddress(table, address, leafLevel);
        Poke(leaf, TestFormat.Leaf(gfn, bits));
        return leaf;
    }

    public const ulong Rwx = TestFormat.R | TestFormat.W | TestFormat.X;
    public const ulong RwxAd = Rwx | TestFormat.A | TestFormat.D;

    /// <summary>All of memory at <see cref="Linear"/>, page by page, or by leaves of 2 MiB.</summary>
    public void MapLinear(ulong root, int levels, int leafLevel = 1)
    {
        var step = 1UL << (leafLevel - 1) * 9;
        for (ulong gfn = 0; gfn < Pages; gfn += step) MapAt(root, levels, Linear + gfn * Page, gfn, RwxAd, leafLevel);
    }

    /// <summary>The SPTE that the vCPU's root has for an address, or none.</summary>
    public static Spte Spte(PagingEngine cpu, ulong address)
    {
        Hypervisor.Paging.Mmu.FindLeaf(cpu.Vcpu.Root, cpu.Vcpu.RootLevel, address >> 12, out var seen, out _);
        return seen;
    }

    public int ShadowPagesOf(ulong gfn)
    {
        var count = 0;
        Vm.MmuLock.WriteLock();
        for (var page = Mmu.Pages.FirstInBucket(new Gfn(gfn)); page != null; page = page->HashNext)
        {
            if (page->Gfn == new Gfn(gfn) && !page->Role.Direct && !Mmu.Pages.IsObsolete(page)) count++;
        }
        Vm.MmuLock.WriteUnlock();
        return count;
    }

    public bool IsUnsync(ulong gfn)
    {
        var unsync = false;
        Vm.MmuLock.WriteLock();
        for (var page = Mmu.Pages.FirstInBucket(new Gfn(gfn)); page != null; page = page->HashNext)
            unsync |= page->Gfn == new Gfn(gfn) && page->Unsync && !Mmu.Pages.IsObsolete(page);
        Vm.MmuLock.WriteUnlock();
        return unsync;
    }

    /// <summary>
    /// Checks the invariants of a VM at rest, by the auditor and by a look of its own: each SPTE is what the guest's entry and the host's
    /// page allow, is found by its reverse map, and no table in use can be written unnoticed.
    /// </summary>
    public void Verify()
    {
        var audit = Vm.Audit(atRest: true);
        Assert.True(audit.IsClean, audit.ToString());
        Vm.MmuLock.WriteLock();
        Dictionary<Gfn, int> tracked = [];
        var leaves = 0;
        for (var page = Mmu.Pages.Oldest; page != null; page = page->Newer)
        {
            var role = page->Role;
            Assert.True(ShadowMmu.PageOf(page->Table) == page);
            if (!role.Direct) tracked[page->Gfn] = Math.Max(tracked.GetValueOrDefault(page->Gfn), page->Unsync ? 0 : role.Level);
            var unsyncChildren = 0;
            for (var i = 0; i < 512; i++)
            {
                Spte spte = new(page->Table[i]);
                if (spte.IsTable)
                {
                    var child = ShadowMmu.PageOf(spte.Table);
                    Assert.Equal(role.Level - 1, child->Role.Level);
                    Assert.Equal(child->MayDiffer, page->IsUnsyncChild(i));
                    if (child->MayDiffer) unsyncChildren++;
                    Assert.True(Contains(&child->ParentPtes, page->Table + i));
                }
                else
                {
                    Assert.False(page->IsUnsyncChild(i));
                }
                if (!role.Direct && !spte.IsNone && !page->Unsync) CheckAgainstGuest(page, i, spte);
                if (!spte.IsLeaf) continue;
                leaves++;
                var gfn = page->GfnAt(i, role.Level);
                var slot = Vm.GetMemslots(0).Find(gfn)!;
                Assert.True(Contains(slot.Rmaps!.Head(gfn, role.Level), page->Table + i), $"gfn {gfn.Value}: no reverse map of {spte}");
                Assert.True(Memory.TryFaultPresent(slot.GfnToHva(gfn), false, out var mapping));
                Assert.Equal(mapping.Pfn, spte.Pfn);
                Pool.Put(mapping.Pfn);
                Assert.True(!spte.Writable || spte.HostWritable && spte.MmuWritable && mapping.Writable && !slot.IsReadOnly);
            }
            Assert.Equal(unsyncChildren, page->UnsyncChildren);
        }
        for (var page = Mmu.Pages.Oldest; page != null; page = page->Newer)
        {
            for (var i = 0; i < 512; i++)
            {
                Spte spte = new(page->Table[i]);
                if (!spte.IsLeaf || (spte.Raw & (Hypervisor.Paging.Spte.W | Hypervisor.Paging.Spte.MmuWritableBit)) == 0) continue;
                var first = page->GfnAt(i, page->Role.Level);
                for (var gfn = first; gfn < first + (spte.IsHuge ? 512u : 1u); gfn++)
                {
                    Assert.True(!tracked.TryGetValue(gfn, out var level) || level == 0,
                        $"gfn {gfn.Value} holds a table of level {tracked.GetValueOrDefault(gfn)} and is writable: {spte}");
                }
            }
        }
        var reverse = 0;
        foreach (var slot in Vm.GetMemslots(0))
        {
            if (slot.Rmaps is not { } rmaps) continue;
            for (var gfn = slot.BaseGfn; gfn < slot.EndGfn; gfn++)
            {
                reverse += rmaps.Head(gfn, 1)->Count;
                if (gfn.Value % 512 == 0 || gfn == slot.BaseGfn) reverse += rmaps.Head(gfn, 2)->Count;
            }
        }
        Assert.Equal(leaves, reverse);
        Vm.MmuLock.WriteUnlock();
    }

    private static void CheckAgainstGuest(ShadowPage* page, int index, Spte spte)
    {
        var pte = TestFormat.Instance.Decode(page->GuestTable[index], page->Role.Level, index);
        var what = $"level {page->Role.Level} table {page->Gfn.Value} entry {index}: {spte} for {page->GuestTable[index]:x}";
        Assert.True(pte.IsPresent, what);
        if (!pte.IsLeaf)
        {
            Assert.True(spte.IsTable && ShadowMmu.PageOf(spte.Table)->Gfn == pte.Gfn, what);
            return;
        }
        Assert.True(pte.Accessed, what);
        var rights = ShadowRights.Effective(pte);
        if (spte.IsTable)
        {
            var child = ShadowMmu.PageOf(spte.Table);
            Assert.True(child->Role.Direct && child->Gfn == pte.Gfn && child->Role.Rights == rights, what);
            return;
        }
        Assert.True((spte.IsMmio ? spte.MmioGfn : page->GfnAt(index, page->Role.Level)) == pte.Gfn, what);
        Assert.True((spte.Raw & Hypervisor.Paging.Spte.Rights & ~ShadowRights.SpteBits(rights)) == 0, what);
        Assert.Equal((spte.Raw & Hypervisor.Paging.Spte.U) != 0, (rights & GuestRights.User) != 0);
    }

    private static bool Contains(RmapHead* head, ulong* spte)
    {
        var at = RmapHead.Iterate(head);
        for (ulong* one; (one = at.Next()) != null;)
        {
            if (one == spte) return true;
        }
        return false;
    }

    /// <summary>
    /// Every test ends here: nothing of it is left, not in the tables, not in the reverse maps, not in the pool of frames.
    /// </summary>
    public void Dispose()
    {
        Verify();
        foreach (var vcpu in Vm.Vcpus) vcpu.ReleaseTables();
        Vm.SlotsLock.Lock();
        Vm.Mmu.ZapAllFast();
        Vm.SlotsLock.Unlock();
        Assert.Equal(0, Mmu.Pages.Count);
        Assert.Equal(0, Vm.Mmu.Allocator.InUse);
        foreach (var slot in Vm.GetMemslots(0)) Assert.True(slot.Rmaps is null || slot.Rmaps.IsIdle());
        Vm.Dispose();
        Memory.Dispose();
        Assert.Equal(0, Pool.FramesInUse);
        Pool.Dispose();
    }
}
