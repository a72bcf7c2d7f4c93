using System.Globalization;
using Warren.Hypervisor.Audit;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Vcpus;
using Warren.Locking;

namespace Warren.Hypervisor.Shadow;

/// <summary>The entries of one shadow page, against the guest's table and the links gathered before.</summary>
internal sealed unsafe partial class ShadowAuditor
{
    private void CheckPage(ShadowPage* page)
    {
        var role = page->Role;
        var obsolete = _mmu.Pages.IsObsolete(page);
        string PageName() => Name(page);
        var compare = !role.Direct && CanReadTable(page);
        if (page->Unsync && (role.Level != 1 || role.Direct))
            _audit.Wrong(Name(page), "only pages of level 1 that follow a table to be unsync", "this one");
        var differing = 0;
        for (var i = 0; i < SpteTable.EntryCount; i++)
        {
            var spte = page->Table + i;
            Spte seen = new(*spte);
            var marked = page->IsUnsyncChild(i);
            if (marked) differing++;
            if (marked && !seen.IsTable)
                _audit.Wrong($"{Name(page)} entry {i}", "no mark for children to be synced, for it points at none", seen.ToString());
            if (seen.IsNone) continue;
            AuditedEntry place = new(PageName, role.AddressSpaceId, i, obsolete);
            if (seen.IsTable)
            {
                if (CheckTable(page, place, spte, seen, marked) && compare && !page->Unsync) CompareTable(page, place, seen);
                else if (role.Direct) CheckDirectTable(page, place, seen);
                continue;
            }
            if (!seen.IsLeaf && !seen.IsMmio || seen.IsLeaf && seen.IsHuge != role.Level > 1 || seen.IsMmio && role.Level != 1
                || role.Level > 2)
            {
                _audit.Wrong(place.ToString(), "an entry that can stand there", seen.ToString());
                continue;
            }
            CheckRights(page, place, seen);
            if (seen.IsLeaf)
            {
                _audit.Leaf(place, spte, page->GfnAt(i, role.Level));
                CheckRmap(page, place, spte, seen);
                CheckTracking(page, place, seen);
            }
            else
            {
                _audit.Mmio(place, seen);
                if (seen.MmioGfn != page->GfnAt(i, role.Level))
                    _audit.Wrong(place.ToString(), $"MMIO of gfn 0x{page->GfnAt(i, role.Level):x}", seen.ToString());
            }
            if (compare) CompareLeaf(page, place, seen);
        }
        if (page->UnsyncChildren != differing)
        {
            _audit.Wrong(Name(page), $"{differing} children to be synced, as its marks say",
                page->UnsyncChildren.ToString(CultureInfo.InvariantCulture));
        }
    }

    /// <summary>True when the guest's table can be read without sleeping; and it must be the one the page follows.</summary>
    private bool CanReadTable(ShadowPage* page)
    {
        if (_format is null)
        {
            _audit.Wrong(Name(page), "a page format", "none");
            return false;
        }
        if (_audit.FindSlot(page->Role.AddressSpaceId, page->Gfn) is not { } slot) return false;
        if (!_vm.Memory.TryPeek(slot.GfnToHva(page->Gfn), out var mapping))
        {
            _audit.Skipped++;
            return false;
        }
        var same = !mapping.Pfn.IsNone && page->GuestTable == (ulong*)_vm.Pool.Pointer(mapping.Pfn);
        if (!same)
        {
            _audit.Wrong(Name(page), mapping.Pfn.IsNone ? "nothing, for the host maps nothing at its table" : $"its table in frame "
                + $"{mapping.Pfn}", "a pointer elsewhere");
        }
        return same;
    }

    private bool CheckTable(ShadowPage* page, in AuditedEntry place, ulong* spte, Spte seen, bool marked)
    {
        _audit.Entries++;
        var child = ShadowMmu.PageOf(seen.Table);
        if (child == null || !_pages.Contains((nint)child) || child->Table != seen.Table)
        {
            _audit.Wrong(place.ToString(), "a page of the active list", seen.ToString());
            return false;
        }
        if (child->Role.Level != page->Role.Level - 1 || child->Role.AddressSpaceId != page->Role.AddressSpaceId)
            _audit.Wrong(place.ToString(), $"a page of level {page->Role.Level - 1}", Name(child));
        if (child->Generation != page->Generation) _audit.Wrong(place.ToString(), "a page of the same generation", Name(child));
        if (marked != child->MayDiffer)
        {
            _audit.Wrong(place.ToString(), child->MayDiffer ? "a mark, for the child is to be synced" : "no mark, for the child is in step",
                marked ? "a mark" : "none");
        }
        if (!_parents.Remove((nint)spte, out var parentOf) || parentOf != (nint)child)
            _audit.Wrong(place.ToString(), "to be among the parents of what it points at", seen.ToString());
        return true;
    }

    /// <summary>Tables above level 1 are write-protected always: what stands below the entry is what the guest's entry says now.</summary>
    private void CompareTable(ShadowPage* page, in AuditedEntry place, Spte seen)
    {
        var pte = Decode(page, place.Index);
        var child = ShadowMmu.PageOf(seen.Table);
        var level = page->Role.Level - 1;
        var role = pte.IsLeaf ? ShadowRole.ForDirect(level, ShadowRights.Effective(pte), page->Role.AddressSpaceId)
            : ShadowRole.ForTable(level, page->Role.AddressSpaceId);
        var maps = pte.IsPresent && (!pte.IsLeaf || pte.Accessed);
        if (!maps || child->Gfn != pte.Gfn || child->Role != role)
            Differs(page, place, maps ? $"gfn 0x{pte.Gfn:x}, {role}" : "nothing", Name(child));
    }

    private void CheckDirectTable(ShadowPage* page, in AuditedEntry place, Spte seen)
    {
        var child = ShadowMmu.PageOf(seen.Table);
        var gfn = page->Gfn + (ulong)place.Index * SpteTable.PagesPerEntry(page->Role.Level);
        if (child == null || !child->Role.Direct || child->Gfn != gfn || child->Role.Rights != page->Role.Rights)
            _audit.Wrong(place.ToString(), $"a direct page for gfn 0x{gfn:x} with the same rights", seen.ToString());
    }

    /// <summary>Checks the rights of an entry: as it was made, and W at most so.</summary>
    private void CheckRights(ShadowPage* page, in AuditedEntry place, Spte seen)
    {
        var allowed = ShadowRights.SpteBits(page->RightsAt(place.Index));
        var exact = Spte.Rights & ~Spte.W;
        var excess = (seen.Raw & Spte.Rights & ~allowed) != 0 || seen.IsLeaf && seen.MmuWritable && (allowed & Spte.W) == 0;
        if (excess || (seen.Raw & exact) != (allowed & exact))
            _audit.Wrong(place.ToString(), $"what gives {page->RightsAt(place.Index)}", seen.ToString());
    }

    private void CheckRmap(ShadowPage* page, in AuditedEntry place, ulong* spte, Spte seen)
    {
        var gfn = page->GfnAt(place.Index, page->Role.Level);
        if (!_rmaps.Remove((nint)spte, out var at))
        {
            _audit.Wrong(place.ToString(), $"to be in the reverse map of gfn 0x{gfn:x}", $"{seen} in none");
        }
        else if (at != (gfn, page->Role.Level, page->Role.AddressSpaceId))
        {
            _audit.Wrong(place.ToString(), $"to be in the reverse map of gfn 0x{gfn:x} at level {page->Role.Level}",
                $"in that of gfn 0x{at.Gfn:x} at level {at.Level}");
        }
    }

    /// <summary>A page that holds a table in use is writable only if all that follow the table are unsync.</summary>
    private void CheckTracking(ShadowPage* page, in AuditedEntry place, Spte seen)
    {
        if (!seen.MmuWritable) return;
        var first = page->GfnAt(place.Index, page->Role.Level);
        for (var gfn = first; gfn < first + SpteTable.PagesPerEntry(page->Role.Level); gfn++)
        {
            if (!_tables.TryGetValue((gfn, page->Role.AddressSpaceId), out var tables)) continue;
            foreach (var address in tables)
            {
                var table = (ShadowPage*)address;
                if (!table->Unsync && !_mmu.Pages.IsObsolete(table))
                    _audit.Wrong(place.ToString(), $"not writable, for {Name(table)} follows gfn 0x{gfn:x}", seen.ToString());
            }
        }
    }

    private void CompareLeaf(ShadowPage* page, in AuditedEntry place, Spte seen)
    {
        var pte = Decode(page, place.Index);
        var rights = page->RightsAt(place.Index);
        var maps = pte.IsPresent && pte.IsLeaf && pte.Accessed;
        if (!maps || pte.Gfn != page->GfnAt(place.Index, page->Role.Level) || ShadowRights.Effective(pte) != rights)
        {
            Differs(page, place, maps ? $"gfn 0x{pte.Gfn:x} with {ShadowRights.Effective(pte)}" : "nothing",
                $"gfn 0x{page->GfnAt(place.Index, page->Role.Level):x} with {rights} ({seen})");
        }
    }

    /// <summary>
    /// Counts a difference from the guest's table: stale if the guest may write to that unnoticed, as it may for a page that no vCPU goes
    /// on using, and wrong otherwise.
    /// </summary>
    private void Differs(ShadowPage* page, in AuditedEntry place, string expected, string found)
    {
        if (page->Unsync || place.Obsolete || _mmu.IsAliased) _audit.Stale++;
        else _audit.Wrong(place.ToString(), $"as the guest's table says {expected}", found);
    }

    private GuestPte Decode(ShadowPage* page, int index) =>
        _format!.Decode(Atomics.Read(ref page->GuestTable[index]), page->Role.Level, index);
}
