using Warren.HostMemory;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Slots;
using Warren.Hypervisor.Vcpus;

namespace Warren.Hypervisor.Audit;

/// <summary>
/// One audit under way: what is wrong, how much was compared, and what must hold for the leaves of either MMU. <c>mmu_lock</c> held for
/// write, inside SRCU; never sleeps. vCPUs may be in guest mode: what they change without the lock (A, D, and W with its mark in the dirty
/// log) is allowed for.
/// </summary>
internal sealed unsafe class Auditor
{
    private const int MaxFindings = 8;

    private readonly VirtualMachine _vm;
    private readonly Memslots[] _slots;
    private readonly bool _logIsStill;
    private readonly List<string> _findings = [];
    private Memslot? _lastSlot;
    private int _wrong;

    /// <param name="vm">whose tables</param>
    /// <param name="atRest">as <see cref="AtRest"/></param>
    public Auditor(VirtualMachine vm, bool atRest)
    {
        _vm = vm;
        AtRest = atRest;
        var before = vm.SlotsLock.IsLocked;
        _slots = new Memslots[vm.Options.AddressSpaces];
        for (var i = 0; i < _slots.Length; i++) _slots[i] = vm.GetMemslots(i);
        // A slot whose logging begins is published before its SPTEs lose W. An update that began after the first look ends after the
        // second: it needs mmu_lock.
        _logIsStill = !before && !vm.SlotsLock.IsLocked;
    }

    /// <summary>No vCPU runs, no call is under way: counts must be exact.</summary>
    public bool AtRest { get; }

    public VirtualMachine Vm => _vm;

    public long Tables { get; set; }
    public long Entries { get; set; }
    public long Stale { get; set; }
    public long Skipped { get; set; }

    /// <summary>The slots that everything is compared with.</summary>
    public ReadOnlySpan<Memslots> Slots => _slots;

    public AuditReport Report()
    {
        if (_wrong > MaxFindings) _findings.Add($"And {_wrong - MaxFindings} more.");
        return new(Tables, Entries, Stale, Skipped, _findings);
    }

    /// <summary>Notes a difference.</summary>
    public void Wrong(string where, string expected, string found)
    {
        if (_wrong++ < MaxFindings) _findings.Add($"{where}: expected {expected}, found {found}.");
    }

    /// <summary>The slot of a gfn, valid or not.</summary>
    public Memslot? FindSlot(int addressSpaceId, Gfn gfn)
    {
        if (_lastSlot is { } last && last.AddressSpaceId == addressSpaceId && gfn - last.BaseGfn < last.NPages) return last;
        var slot = _slots[addressSpaceId].Find(gfn);
        if (slot is not null) _lastSlot = slot;
        return slot;
    }

    /// <summary>
    /// Checks a leaf: a slot for each page; the frame that the host maps there; W only where host, slot and dirty log allow it. While
    /// mmu_lock is held no notification gets past its start, so what the host is about to change is not mapped any more, and what is mapped
    /// does not change.
    /// </summary>
    /// <param name="place">for the report</param>
    /// <param name="entry">the leaf</param>
    /// <param name="gfn">first page mapped</param>
    public void Leaf(in AuditedEntry place, ulong* entry, Gfn gfn)
    {
        Spte leaf = new(*entry);
        if (leaf.Writable && !(leaf.HostWritable && leaf.MmuWritable))
            Wrong(place.ToString(), "W only with host-w and mmu-w", leaf.ToString());
        var pages = leaf.IsHuge ? SpteTable.PagesPerEntry(2) : 1;
        for (ulong i = 0; i < pages; i++) Page(place, entry, gfn + i, leaf.Pfn + (int)i, leaf);
    }

    /// <summary>Checks an MMIO entry of the current memslots: none of them has the gfn.</summary>
    public void Mmio(in AuditedEntry place, Spte mmio)
    {
        Entries++;
        var generation = _slots[place.AddressSpaceId].Generation;
        if ((generation & Memslots.UpdateInProgress) != 0 || mmio.MmioGeneration != (generation & Spte.MmioGenerationMask)) return;
        if (FindSlot(place.AddressSpaceId, mmio.MmioGfn) is { } slot)
            Wrong(place.ToString(), $"no entry for MMIO, for slot {slot.Id} has gfn 0x{mmio.MmioGfn:x}", mmio.ToString());
    }

    /// <summary>The tables that a vCPU keeps ready must be as good as new. On its thread, or while it does not run.</summary>
    public void Caches(Vcpu vcpu)
    {
        if (!_vm.Mmu.AreCachesNew(vcpu))
            Wrong($"The tables that vCPU {vcpu.Id} keeps ready", "pages and records as good as new", "one that holds something");
    }

    private void Page(in AuditedEntry place, ulong* entry, Gfn gfn, Pfn pfn, Spte leaf)
    {
        Entries++;
        if (FindSlot(place.AddressSpaceId, gfn) is not { } slot)
        {
            Wrong(place.ToString(), $"a memslot for gfn 0x{gfn:x}", $"none, and {leaf}");
            return;
        }
        if (leaf.MmuWritable && slot.IsReadOnly)
            Wrong(place.ToString(), $"gfn 0x{gfn:x} not writable, for its memslot is read-only", leaf.ToString());
        if (!_vm.Memory.TryPeek(slot.GfnToHva(gfn), out var mapping))
        {
            Skipped++;
        }
        else if (mapping.Pfn != pfn)
        {
            Wrong(place.ToString(),
                mapping.Pfn.IsNone ? $"nothing, for the host maps nothing at gfn 0x{gfn:x}" : $"frame {mapping.Pfn} for gfn 0x{gfn:x}",
                leaf.ToString());
        }
        else if (leaf.HostWritable && !mapping.Writable)
        {
            Wrong(place.ToString(), $"gfn 0x{gfn:x} not writable, for the host shares or protects frame {pfn}", leaf.ToString());
        }
        if (leaf.Writable && _logIsStill && !place.Obsolete && !IsLogged(slot, gfn))
        {
            // A vCPU that gives W back without the lock marks the page before it leaves guest mode.
            _vm.FlushRemoteTlbs();
            if (new Spte(*entry).Writable && !IsLogged(slot, gfn))
                Wrong(place.ToString(), $"gfn 0x{gfn:x} in the dirty log, for it is writable", leaf.ToString());
        }
    }

    private bool IsLogged(Memslot slot, Gfn gfn)
    {
        // With rings only the vCPU that wrote knows.
        if (!slot.LogsDirtyPages || _vm.DirtyLog.UsesRings || slot.DirtyBitmap is not { } bitmap) return true;
        var page = gfn - slot.BaseGfn;
        return (bitmap.Word((nuint)(page / 64)) >> (int)(page % 64) & 1) != 0;
    }
}

/// <summary>Where an audited entry stands.</summary>
/// <param name="Table">what its table is for</param>
/// <param name="AddressSpaceId">of its gfns</param>
/// <param name="Index">in the table</param>
/// <param name="Obsolete">it hangs in nothing a vCPU may go on using</param>
internal readonly record struct AuditedEntry(Func<string> Table, int AddressSpaceId, int Index, bool Obsolete)
{
    public override string ToString() => $"{Table()} entry {Index}{(Obsolete ? " (obsolete)" : "")}";
}
