using Warren.Hypervisor;
using Warren.RiscV.Core;

namespace Warren.RiscV.Mmu;

/// <summary>How a walk or an access ended.</summary>
internal enum AccessStatus
{
    Ok,

    /// <summary>The page tables forbid it: page fault of the access's kind.</summary>
    PageFault,

    /// <summary>Nothing, or nothing that can do this, at the physical address: access fault of the access's kind.</summary>
    AccessFault,

    /// <summary>The vCPU must stop; the instruction has done nothing and is to be run again.</summary>
    Stopped,

    /// <summary>
    /// Other harts or the host kept taking away what the instruction needs. It has done nothing and is to be run again, by way of the
    /// dispatcher, so that nobody can keep a hart from seeing its requests.
    /// </summary>
    Contended,
}

/// <summary>Guest-physical result of a walk.</summary>
internal struct GuestPage
{
    public ulong PhysicalAddress;

    /// <summary>Level of the leaf: 0 for 4 KiB, 1 for 2 MiB and so on.</summary>
    public int Level;
}

/// <summary>
/// First-stage translation (privileged manual, "Virtual Address Translation Process"). Every entry is read, and its A and D bits set,
/// through the second stage; D is set only for stores.
/// </summary>
internal sealed unsafe class PageTableWalker(Hart hart, HartState* h, SecondStage secondStage)
{
    /// <summary>Descents before a walk whose entry keeps changing under its update of A and D gives up.</summary>
    private const int Tries = 16;

    private readonly bool _pbmt = hart.Options.Has(Extension.Svpbmt);
    private readonly bool _napot = hart.Options.Has(Extension.Svnapot);
    private readonly bool _faultOnStale = hart.Options.Has(Extension.Svade);

    /// <summary>Walks done so far.</summary>
    internal long Walks;

    /// <summary>Translates <paramref name="address"/> for <paramref name="access"/> in <paramref name="mode"/>, with the current SUM and MXR.</summary>
    internal AccessStatus Walk(ulong address, GuestAccess access, PrivilegeMode mode, out GuestPage page)
    {
        page = default;
        int levels = (SatpMode)(h->Satp >> 60) switch
        {
            SatpMode.Sv39 => 3,
            SatpMode.Sv48 => 4,
            SatpMode.Sv57 => 5,
            _ => 0,
        };
        if (levels == 0)
        {
            page.PhysicalAddress = address;
            return AccessStatus.Ok;
        }

        int unused = 64 - (SoftTlb.PageShift + (9 * levels));
        if ((ulong)((long)(address << unused) >> unused) != address)
        {
            return AccessStatus.PageFault;
        }

        Walks++;
        for (int i = 0; i < Tries; i++)
        {
            AccessStatus status = Descend(address, access, mode, levels, out page, out bool retry);
            if (!retry)
            {
                return status;
            }
        }

        return AccessStatus.Contended;
    }

    private AccessStatus Descend(ulong address, GuestAccess access, PrivilegeMode mode, int levels, out GuestPage page, out bool retry)
    {
        page = default;
        retry = false;
        ulong table = (h->Satp & 0xfff_ffff_ffff) << SoftTlb.PageShift;
        for (int level = levels - 1; level >= 0; level--)
        {
            ulong entryAddress = table + ((address >> (SoftTlb.PageShift + (9 * level)) & 0x1ff) * 8);
            AccessStatus status = secondStage.ReadPointer(entryAddress, out byte* host);
            if (status != AccessStatus.Ok)
            {
                return status;
            }

            var pte = new Pte(Volatile.Read(ref *(ulong*)host));
            if (!pte.IsWellFormed(_pbmt, _napot))
            {
                return AccessStatus.PageFault;
            }

            if (!pte.IsLeaf)
            {
                table = pte.PageNumber << SoftTlb.PageShift;
                continue;
            }

            ulong below = (1UL << (9 * level)) - 1;
            ulong number = pte.PageNumber;
            if (pte.IsNapot)
            {
                // Only 64 KiB exists: level 0 with PPN[3:0] = 8.
                if (level != 0 || (number & 0xf) != 8)
                {
                    return AccessStatus.PageFault;
                }

                below = 0xf;
                number &= ~below;
            }
            else if ((number & below) != 0)
            {
                return AccessStatus.PageFault;
            }

            if (!Permits(pte, access, mode))
            {
                return AccessStatus.PageFault;
            }

            ulong wanted = Pte.Accessed | (access == GuestAccess.Write ? Pte.Dirty : 0);
            if ((pte.Bits & wanted) != wanted)
            {
                if (_faultOnStale)
                {
                    return AccessStatus.PageFault;
                }

                status = secondStage.CompareExchange(entryAddress, pte.Bits, pte.Bits | wanted, out bool exchanged);
                if (status != AccessStatus.Ok || !exchanged)
                {
                    retry = status == AccessStatus.Ok;
                    return status;
                }
            }

            ulong virtualNumber = address >> SoftTlb.PageShift;
            page.PhysicalAddress = (number | (virtualNumber & below)) << SoftTlb.PageShift | (address & ~SoftTlb.PageMask);
            page.Level = pte.IsNapot ? 1 : level;
            return AccessStatus.Ok;
        }

        return AccessStatus.PageFault;
    }

    private bool Permits(Pte pte, GuestAccess access, PrivilegeMode mode)
    {
        if (mode == PrivilegeMode.User ? !pte.User : pte.User && (access == GuestAccess.Execute || (h->Status & Csrs.Sstatus.Sum) == 0))
        {
            return false;
        }

        return access switch
        {
            GuestAccess.Read => pte.Readable || (pte.Executable && (h->Status & Csrs.Sstatus.Mxr) != 0),
            GuestAccess.Write => pte.Writable,
            _ => pte.Executable,
        };
    }
}
