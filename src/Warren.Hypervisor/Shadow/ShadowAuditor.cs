using System.Globalization;
using System.Runtime.InteropServices;
using Warren.Hypervisor.Audit;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Slots;
using Warren.Hypervisor.Vcpus;
using Warren.Locking;

namespace Warren.Hypervisor.Shadow;

/// <summary>
/// Recomputes what all shadow pages, and all that is kept about them, must be, and compares. First the links from below are gathered
/// (reverse maps, parents, the hash); then each entry of each page takes its own from them; what is left over leads nowhere.
/// </summary>
internal sealed unsafe partial class ShadowAuditor
{
    private readonly ShadowMmu _mmu;
    private readonly VirtualMachine _vm;
    private readonly Auditor _audit;
    private readonly IGuestPageFormat? _format;
    private readonly HashSet<nint> _pages = [];
    /// <summary>By the address of an SPTE the gfn it is in the reverse map of, and the level.</summary>
    private readonly Dictionary<nint, (Gfn Gfn, int Level, int Space)> _rmaps = [];
    /// <summary>By the address of an SPTE the page that names it as a parent.</summary>
    private readonly Dictionary<nint, nint> _parents = [];
    /// <summary>Of each gfn its pages that follow a table there.</summary>
    private readonly Dictionary<(Gfn Gfn, int Space), List<nint>> _tables = [];
    private readonly Dictionary<(ulong HugePage, int Space), uint> _disallowHuge = [];

    public ShadowAuditor(ShadowMmu mmu, VirtualMachine vm, Auditor audit)
    {
        _mmu = mmu;
        _vm = vm;
        _audit = audit;
        _format = mmu.PageFormat;
    }

    public void Run()
    {
        if (!_mmu.Rmaps.Present)
        {
            if (_mmu.Pages.Newest != null) _audit.Wrong("The active list", "no page before the first root", Name(_mmu.Pages.Newest));
            return;
        }
        GatherPages();
        GatherParents();
        GatherRmaps();
        for (var page = _mmu.Pages.Oldest; page != null; page = page->Newer) CheckPage(page);
        foreach ((var spte, (var gfn, var level, _)) in _rmaps)
        {
            _audit.Wrong($"The reverse map of gfn 0x{gfn:x} at level {level}", "only SPTEs that map it",
                $"0x{spte:x} ({new Spte(*(ulong*)spte)})");
        }
        foreach ((var spte, var child) in _parents)
        {
            _audit.Wrong($"The parents of {Name((ShadowPage*)child)}",
                "only entries that point at it", $"0x{spte:x} ({new Spte(*(ulong*)spte)})");
        }
        CheckCounts();
        CheckRoots();
    }

    private static string Name(ShadowPage* page) =>
        string.Create(CultureInfo.InvariantCulture,
            $"Shadow page for gfn 0x{page->Gfn:x}, {page->Role}{(page->Unsync ? ", unsync" : "")},");

    /// <summary>The active list, and that the hash holds the same.</summary>
    private void GatherPages()
    {
        var currentSeen = false;
        ShadowPage* older = null;
        for (var page = _mmu.Pages.Oldest; page != null; older = page, page = page->Newer)
        {
            if (!_pages.Add((nint)page))
            {
                _audit.Wrong("The active list", "an end", $"{Name(page)} twice");
                return;
            }
            _audit.Tables++;
            if (page->Older != older)
            {
                _audit.Wrong(Name(page), "links of the active list that agree",
                    $"older 0x{(nint)page->Older:x} instead of 0x{(nint)older:x}");
            }
            if (page->Role.Invalid) _audit.Wrong("The active list", "no page that was prepared to be zapped", Name(page));
            var obsolete = page->Generation != _mmu.Pages.Generation;
            if (obsolete && currentSeen) _audit.Wrong("The active list", "obsolete pages only before current ones", Name(page));
            currentSeen |= !obsolete;
            if (ShadowMmu.PageOf(page->Table) != page)
                _audit.Wrong(Name(page), "a table that leads back to it", $"0x{(nint)ShadowMmu.PageOf(page->Table):x}");
            if (page->Role.Direct != (page->Gfns == null) || page->Role.Direct != (page->GuestTable == null))
                _audit.Wrong(Name(page), "gfns and a guest's table unless it is direct", "otherwise");
            CheckHash(page);
            if (page->Role.Direct) continue;
            Add(_tables, (page->Gfn, page->Role.AddressSpaceId)).Add((nint)page);
            CollectionsMarshal.GetValueRefOrAddDefault(_disallowHuge, (page->Gfn.Value >> 9, page->Role.AddressSpaceId), out _)++;
        }
        if (_mmu.Pages.Newest != older) _audit.Wrong("The active list", "its newest page at its end", "another");
        if (_mmu.Pages.Count != _pages.Count)
            _audit.Wrong("The active list", $"{_pages.Count} pages counted", _mmu.Pages.Count.ToString(CultureInfo.InvariantCulture));
        var hashed = _mmu.Pages.CountHashed(_pages.Count + 1);
        if (hashed != _pages.Count)
            _audit.Wrong("The hash", $"{_pages.Count} pages, those of the active list", hashed.ToString(CultureInfo.InvariantCulture));
    }

    private void CheckHash(ShadowPage* page)
    {
        var found = 0;
        var steps = 0;
        for (var at = _mmu.Pages.FirstInBucket(page->Gfn); at != null && steps++ <= _mmu.Pages.Count; at = at->HashNext)
        {
            if (at == page) found++;
            else if (at->Gfn == page->Gfn && at->Role == page->Role && at->Generation == page->Generation)
                _audit.Wrong("The hash", "one page for a key", $"two: {Name(page)}");
        }
        if (found != 1) _audit.Wrong("The hash", $"{Name(page)} once", $"{found} times");
    }

    private void GatherParents()
    {
        foreach (var address in _pages)
        {
            var page = (ShadowPage*)address;
            var parents = RmapHead.Iterate(&page->ParentPtes);
            for (ulong* spte; (spte = parents.Next()) != null;)
            {
                if (!_parents.TryAdd((nint)spte, address))
                    _audit.Wrong($"The parents of {Name(page)}", "each entry once", $"0x{(nint)spte:x} twice");
            }
        }
    }

    private void GatherRmaps()
    {
        foreach (var slots in _audit.Slots)
        {
            foreach (var slot in slots)
            {
                if (slot.Rmaps is not { } rmaps)
                {
                    _audit.Wrong($"Slot {slot.Id}", "reverse maps, for there has been a shadow root", "none");
                    continue;
                }
                for (var level = 1; level <= SlotRmaps.Levels; level++)
                {
                    for (var gfn = rmaps.NextMapped(slot.BaseGfn, slot.EndGfn, level); gfn < slot.EndGfn; gfn =
                        rmaps.NextMapped(Next(gfn, level), slot.EndGfn, level))
                    {
                        var head = RmapHead.Iterate(rmaps.Head(gfn, level));
                        for (ulong* spte; (spte = head.Next()) != null;)
                        {
                            var first = gfn.AlignDown(SpteTable.PagesPerEntry(level));
                            if (!_rmaps.TryAdd((nint)spte, (first, level, slot.AddressSpaceId)))
                                _audit.Wrong($"The reverse map of gfn 0x{gfn:x}", "each SPTE once", $"0x{(nint)spte:x} twice");
                        }
                    }
                }
            }
        }
    }

    private static Gfn Next(Gfn gfn, int level) => gfn.NextMultiple(SpteTable.PagesPerEntry(level));

    /// <summary>Write tracking and what forbids huge mappings, of every page of every slot.</summary>
    private void CheckCounts()
    {
        foreach (var slots in _audit.Slots)
        {
            foreach (var slot in slots)
            {
                if (slot.Rmaps is not { } rmaps) continue;
                for (var gfn = slot.BaseGfn; gfn < slot.EndGfn; gfn++)
                {
                    if (rmaps.WriteTrack(gfn) != 0) CheckTracked(slot, gfn);
                    if (gfn != slot.BaseGfn && SpteTable.IndexOf(gfn, 1) != 0) continue;
                    var tables = TablesInHugePage(slot, gfn);
                    if (rmaps.DisallowHuge(gfn) != tables)
                    {
                        _audit.Wrong($"The disallow-huge count of the 2 MiB around gfn 0x{gfn:x}",
                            tables.ToString(CultureInfo.InvariantCulture), rmaps.DisallowHuge(gfn).ToString(CultureInfo.InvariantCulture));
                    }
                }
            }
        }
        foreach (((var gfn, var space), var pages) in _tables)
        {
            if (_audit.FindSlot(space, gfn) is not { } slot) _audit.Wrong(Name((ShadowPage*)pages[0]), "a memslot with its table", "none");
            else if (slot.Rmaps is not null) CheckTracked(slot, gfn);
        }
    }

    private void CheckTracked(Memslot slot, Gfn gfn)
    {
        var tracked = 0;
        if (_tables.TryGetValue((gfn, slot.AddressSpaceId), out var pages))
        {
            foreach (var page in pages) tracked += ((ShadowPage*)page)->Role.Level > 1 ? 1 : 0;
        }
        int found = slot.Rmaps!.WriteTrack(gfn);
        if (found != tracked)
        {
            _audit.Wrong($"The write-track count of gfn 0x{gfn:x}", tracked.ToString(CultureInfo.InvariantCulture),
                found.ToString(CultureInfo.InvariantCulture));
        }
    }

    /// <summary>Tables in 2 MiB, as far as the slot reaches: another slot may hold the rest.</summary>
    private uint TablesInHugePage(Memslot slot, Gfn gfn)
    {
        var number = gfn.Value >> 9;
        if (!_disallowHuge.TryGetValue((number, slot.AddressSpaceId), out var all)) return 0;
        var first = gfn.AlignDown(SpteTable.EntryCount);
        if (first >= slot.BaseGfn && first + SpteTable.EntryCount <= slot.EndGfn) return all;
        uint count = 0;
        for (var i = Gfn.Max(first, slot.BaseGfn); i < Gfn.Min(first + SpteTable.EntryCount, slot.EndGfn); i++)
        {
            if (_tables.TryGetValue((i, slot.AddressSpaceId), out var pages)) count += (uint)pages.Count;
        }
        return count;
    }

    /// <summary>
    /// Checks which vCPU uses which page as a root; and that no vCPU in guest mode goes on with one that is obsolete without being told.
    /// </summary>
    private void CheckRoots()
    {
        Dictionary<nint, int> used = [];
        var told = VcpuRequest.FreeObsoleteRoots.Bit() | VcpuRequest.VmDead.Bit();
        var still = _audit.AtRest;
        var cached = 0;
        foreach (var vcpu in _vm.VcpuArray)
        {
            cached += vcpu.ShadowCache.TableCount;
            // Read once: a vCPU forgets its root without the lock, but gives it back under it.
            var entries = vcpu.Root.Entries;
            if (entries == Vcpu.NoRoot.Entries) continue;
            var root = ShadowMmu.PageOf(entries);
            if (root == null)
            {
                _audit.Wrong($"vCPU {vcpu.Id}", "a root", "a table that is no shadow page's");
                continue;
            }
            CollectionsMarshal.GetValueRefOrAddDefault(used, (nint)root, out _)++;
            // The mode once more: it may just have left and taken the request.
            if (_mmu.Pages.IsObsolete(root) && vcpu.Mode == VcpuMode.InGuestMode && (Atomics.Read(ref vcpu.State->RequestWord) & told) == 0
                && vcpu.Mode == VcpuMode.InGuestMode)
            {
                _audit.Wrong($"vCPU {vcpu.Id}", "a request to let go of its obsolete root", "none, and it is in guest mode");
            }
            if (!root->Role.Invalid) continue;
            if (_pages.Contains((nint)root)) _audit.Wrong(Name(root), "nowhere, for it was prepared to be zapped", "on the active list");
            if (SpteTable.NextUsed(root->Table, 0) != SpteTable.EntryCount)
                _audit.Wrong(Name(root), "no entry, for it was prepared to be zapped", "some");
        }
        foreach ((var address, var count) in used)
        {
            var root = (ShadowPage*)address;
            if (root->RootCount < count || still && root->RootCount != count)
                _audit.Wrong(Name(root), $"a root count of {count}", root->RootCount.ToString(CultureInfo.InvariantCulture));
        }
        if (!still) return;
        var tables = cached;
        foreach (var address in _pages)
        {
            var page = (ShadowPage*)address;
            tables += page->Gfns == null ? 1 : 2;
            if (page->RootCount != 0 && !used.ContainsKey(address))
                _audit.Wrong(Name(page), "a root count of 0", page->RootCount.ToString(CultureInfo.InvariantCulture));
        }
        foreach ((var address, _) in used)
        {
            if (!_pages.Contains(address)) tables += ((ShadowPage*)address)->Gfns == null ? 1 : 2;
        }
        if (_mmu.Allocator.InUse != tables)
            _audit.Wrong("The table pages", $"{tables} in use", _mmu.Allocator.InUse.ToString(CultureInfo.InvariantCulture));
    }

    private static List<nint> Add(Dictionary<(Gfn Gfn, int Space), List<nint>> lists, (Gfn Gfn, int Space) key) =>
        CollectionsMarshal.GetValueRefOrAddDefault(lists, key, out _) ??= [];
}
