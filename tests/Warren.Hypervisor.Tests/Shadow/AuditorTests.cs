using Warren.HostMemory;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Slots;
using Warren.Hypervisor.Vcpus;

namespace Warren.Hypervisor.Tests.Shadow;

/// <summary>The auditor finds each kind of damage, says where, and is silent before and after.</summary>
public sealed unsafe class AuditorTests : IDisposable
{
    private const ulong Page = VirtualMachine.PageSize;
    private const ulong Pages = 1024;
    private const ulong Data = 600;
    private const ulong Address = 0x1000;
    private const ulong Unsync = 0x40_0000;
    private const GuestRights Rw = GuestRights.Read | GuestRights.Write;

    private readonly FramePool _pool = new(32L << 20);
    private readonly AddressSpace _memory;
    private readonly VirtualMachine _vm;
    private readonly ScriptedVcpu _cpu;
    private readonly GuestTables _tables;
    private readonly Hva _hva;

    public AuditorTests()
    {
        _memory = new AddressSpace(_pool);
        _vm = new VirtualMachine(_memory, new VmOptions { Mmu = MmuKind.Shadow, HugePages = false });
        _hva = _memory.Map(Pages * Page, VmaProtection.Read | VmaProtection.Write);
        _vm.SetUserMemoryRegion(new UserMemoryRegion { MemorySize = Pages * Page, UserspaceAddress = _hva });
        _cpu = new ScriptedVcpu(_vm);
        _tables = new GuestTables(_vm, 16, 16);
        _tables.Map(Address, Data, Rw);
        _tables.Map(Address + Page, 5000, Rw);
        _tables.Map(Unsync, Data + 1, Rw);
        _tables.Map(Unsync + Page, _tables.EntryOf(Unsync, 1) >> 12, Rw);
        _cpu.SetGuestRoot(_tables.Root);
        _cpu.Store(Address, 1UL);
        _cpu.Load<ulong>(Address + Page);
        _cpu.Load<ulong>(Unsync);
        _cpu.Store(Unsync + Page + 0x800, 0UL);
        Assert.True(PageFor(_tables.EntryOf(Unsync, 1) >> 12)->Unsync);
    }

    private ShadowMmu Mmu => (ShadowMmu)_vm.Mmu;

    /// <summary>Damages, each with words of the report.</summary>
    public static TheoryData<string, string> Damages() => new()
    {
        { "frame", "expected frame" },
        { "rights", "expected what gives Read, Write" },
        { "writable table", "follows gfn" },
        { "rmap lost", "to be in the reverse map of gfn 0x258" },
        { "rmap left", "expected only SPTEs that map it" },
        { "gfn", "reverse map" },
        { "parent lost", "to be among the parents" },
        { "parent left", "expected only entries that point at it" },
        { "unsync", "expected a mark, for the child is to be synced" },
        { "unsync count", "children to be synced" },
        { "write-track", "The write-track count of gfn 0x258: expected 0, found 1" },
        { "disallow-huge", "The disallow-huge count" },
        { "generation", "obsolete pages only before current ones" },
        { "hash", "The hash" },
        { "list", "links of the active list" },
        { "root count", "a root count of 1" },
        { "mmio", "no entry for MMIO, for slot 0" },
        { "guest entry", "as the guest's table says" },
        { "guest table", "a pointer elsewhere" },
        { "table page", "The table pages" },
        { "cached table", "The tables that vCPU 0 keeps ready" },
        { "cached record", "The tables that vCPU 0 keeps ready" },
    };

    [Theory]
    [MemberData(nameof(Damages))]
    public void Each_damage_is_found(string damage, string words)
    {
        var before = _vm.Audit(atRest: true);
        Assert.True(before is { IsClean: true, Entries: > 5, Tables: 5, Skipped: 0 }, before.ToString());
        var repair = Damage(damage);
        var report = _vm.Audit(atRest: true);
        repair();
        Assert.False(report.IsClean, damage);
        Assert.Contains(words, report.ToString(), StringComparison.Ordinal);
        var after = _vm.Audit(atRest: true);
        Assert.True(after.IsClean, after.ToString());
        Assert.Equal(before.Entries, after.Entries);
    }

    [Fact]
    public void What_a_guest_has_not_fenced_yet_is_stale_and_not_wrong()
    {
        _cpu.Store(Unsync + Page, ScriptedPageFormat.Page(Data + 2, Rw, ScriptedPageFormat.A));
        Assert.True(_vm.Audit(atRest: true) is { IsClean: true, Stale: 1 });
        _cpu.FenceTables();
        Assert.True(_vm.Audit(atRest: true) is { IsClean: true, Stale: 0 });
    }

    [Fact]
    public void A_finding_ends_the_guest_with_a_sentence()
    {
        using VirtualMachine vm = new(_memory, new VmOptions { Audit = true });
        vm.SetUserMemoryRegion(new UserMemoryRegion { MemorySize = 16 * Page, UserspaceAddress = _hva });
        ScriptedVcpu cpu = new(vm);
        cpu.Store(0x1000, 1UL);
        var leaf = Hypervisor.Paging.Mmu.FindLeaf(cpu.Vcpu.Root, TdpMmu.RootLevel, 1, out var seen, out _);
        *leaf += Page;
        vm.SetUserMemoryRegion(new UserMemoryRegion
        { Slot = 1, GuestPhysicalAddress = new Gpa(64 * Page), MemorySize = Page, UserspaceAddress = _hva + 64 * Page });
        *leaf = seen.Raw;
        Assert.StartsWith(
            "The page tables of the VM are wrong; this is a bug of Warren. TDP table of level 1 for gfn 0x0 entry 1: expected frame",
            vm.ErrorReason, StringComparison.Ordinal);
        cpu.Do(_ => { });
        Assert.Equal(VcpuExitReason.InternalError, cpu.LastExit);
    }

    /// <summary>Others could look at what a vCPU keeps ready only while it does not run, and then it may be in use already.</summary>
    [Fact]
    public void A_vCPU_looks_at_what_it_keeps_ready_before_each_fault()
    {
        using VirtualMachine vm = new(_memory, new VmOptions { Audit = true });
        vm.SetUserMemoryRegion(new UserMemoryRegion { MemorySize = 16 * Page, UserspaceAddress = _hva });
        ScriptedVcpu cpu = new(vm);
        cpu.Store(0x1000, 1UL);
        var tables = cpu.Vcpu.TableCache;
        var entry = tables.Pop().Entries + 5;
        *entry = Spte.Frozen.Raw;
        cpu.Store(0x2000, 1UL);
        *entry = 0;
        Assert.Contains("The tables that vCPU 0 keeps ready: expected pages and records as good as new", vm.ErrorReason,
            StringComparison.Ordinal);
        cpu.Do(_ => { });
        Assert.Equal(VcpuExitReason.InternalError, cpu.LastExit);
    }

    private Action Damage(string what)
    {
        var rmaps = _vm.GetMemslots(0).Find(new Gfn(0))!.Rmaps!;
        var root = ShadowMmu.PageOf(_cpu.Vcpu.Root.Entries);
        var lastGfn = _tables.EntryOf(Address, 1) >> 12;
        var last = PageFor(lastGfn);
        var middle = PageFor(_tables.EntryOf(Address, 2) >> 12);
        var leaf = last->Table + 1;
        var head = rmaps.Head(new Gfn(Data), 1);
        RmapCache none = default;
        switch (what)
        {
            case "frame": return Change(leaf, *leaf + Page);
            case "rights": return Change(leaf, *leaf ^ Spte.R);
            case "writable table":
                // The leaf that maps the unsync table allows writing; the table that it now leads to is watched.
                last->Unsync = false;
                PageFor(_tables.EntryOf(Unsync, 1) >> 12)->Unsync = false;
                return () => PageFor(_tables.EntryOf(Unsync, 1) >> 12)->Unsync = true;
            case "rmap lost":
                Assert.True(head->Remove(leaf, null!));
                return () => Assert.True(RmapAdd(head, leaf));
            case "rmap left":
                Assert.True(rmaps.Head(new Gfn(Data + 9), 1)->TryAdd(last->Table + 77, ref none));
                return () => rmaps.Head(new Gfn(Data + 9), 1)->Remove(last->Table + 77, null!);
            case "gfn":
                return Change(last->Gfns + 1, last->Gfns[1] + Page);
            case "parent lost":
                Assert.True(last->ParentPtes.Remove(middle->Table, null!));
                return () => Assert.True(RmapAdd(&last->ParentPtes, middle->Table));
            case "parent left":
                Assert.True(root->ParentPtes.TryAdd(middle->Table + 77, ref none));
                return () => root->ParentPtes.Remove(middle->Table + 77, null!);
            case "unsync":
                last->Unsync = true;
                return () => last->Unsync = false;
            case "unsync count":
                root->SetUnsyncChild(400, true);
                return () => root->SetUnsyncChild(400, false);
            case "write-track":
                rmaps.WriteTrack(new Gfn(Data))++;
                return () => _vm.GetMemslots(0).Find(new Gfn(0))!.Rmaps!.WriteTrack(new Gfn(Data))--;
            case "disallow-huge":
                rmaps.DisallowHuge(new Gfn(Data))++;
                return () => _vm.GetMemslots(0).Find(new Gfn(0))!.Rmaps!.DisallowHuge(new Gfn(Data))--;
            case "generation":
                Mmu.Pages.Newest->Generation ^= 1;
                return () => Mmu.Pages.Newest->Generation ^= 1;
            case "hash":
                last->Gfn = new Gfn(last->Gfn.Value ^ 0x100);
                return () => last->Gfn = new Gfn(last->Gfn.Value ^ 0x100);
            case "list":
                var older = last->Older;
                last->Older = last;
                return () => last->Older = older;
            case "root count":
                root->RootCount++;
                return () => root->RootCount--;
            case "mmio":
                var mmio = last->Table[2];
                var gfns = last->Gfns[2];
                last->Table[2] = Spte.ForMmio(new Gfn(Data), Spte.R | Spte.W, _vm.GetMemslots(0).Generation).Raw;
                return () => last->Table[2] = mmio;
            case "guest entry":
                var hva = _hva + _tables.EntryOf(Address, 1);
                var bytes = new byte[8];
                _memory.Read(hva, bytes);
                _memory.Write(hva, new byte[8]);
                return () => _memory.Write(hva, bytes);
            case "cached table":
                Assert.True(Mmu.TryTopUp(_cpu.Vcpu));
                var tables = _cpu.Vcpu.ShadowCache;
                return Change(tables.TakeTable().Entries + 5, Spte.Frozen.Raw);
            case "cached record":
                Assert.True(Mmu.TryTopUp(_cpu.Vcpu));
                var records = _cpu.Vcpu.ShadowCache;
                return Change((ulong*)&records.TakePage()->Gfn, 1);
            case "guest table":
                var table = last->GuestTable;
                last->GuestTable += 512;
                return () => last->GuestTable = table;
            default:
                var page = Mmu.Allocator.TryAllocate();
                return () => Mmu.Allocator.Free(page);
        }
    }

    private static bool RmapAdd(RmapHead* head, ulong* spte)
    {
        RmapCache none = default;
        return head->TryAdd(spte, ref none);
    }

    private static Action Change(ulong* word, ulong value)
    {
        var before = *word;
        *word = value;
        return () => *word = before;
    }

    private ShadowPage* PageFor(ulong gfn)
    {
        var page = Mmu.Pages.FirstInBucket(new Gfn(gfn));
        while (page->Gfn != new Gfn(gfn) || page->Role.Direct) page = page->HashNext;
        return page;
    }

    public void Dispose()
    {
        _vm.Dispose();
        _memory.Dispose();
        _pool.Dispose();
    }
}
