using Warren.Hypervisor;
using Warren.Hypervisor.Vcpus;
using Warren.RiscV.Core;

namespace Warren.RiscV.Mmu;

/// <summary>Guest-physical result of a walk.</summary>
internal struct GuestPage
{
    public Gpa PhysicalAddress;

    /// <summary>Level of the leaf: 1 for 4 KiB, and for all without translation; 2 for 2 MiB and so on.</summary>
    public int Level;
}

/// <summary>
/// First-stage translation (privileged manual, "Virtual Address Translation Process"). Every entry is read, and its A and D bits set,
/// through <see cref="ITableMemory"/>; D is set only for stores.
/// </summary>
internal sealed unsafe class PageTableWalker(Hart hart, HartState* h, SecondStage secondStage)
{
    /// <summary>Descents before a walk whose entry keeps changing under its update of A and D gives up.</summary>
    private const int Tries = 16;

    private const int SumShift = 18;

    private readonly bool _faultOnStale = hart.Options.Has(Extension.Svade);

    /// <summary>Walks done so far.</summary>
    internal long Walks;

    /// <summary>The meaning of an entry, for this hart's extensions.</summary>
    internal PageFormat Format { get; } = new(hart.Options.Has(Extension.Svpbmt), hart.Options.Has(Extension.Svnapot));

    /// <summary>The root that <c>satp</c> selects.</summary>
    internal GuestRoot Root
    {
        get
        {
            var levels = Levels(h->Satp);
            return new(levels, levels == 0 ? default : RootNumber(h->Satp));
        }
    }

    /// <summary><paramref name="mode"/> with the current SUM and MXR.</summary>
    internal GuestPrivilege With(PrivilegeMode mode) =>
        (GuestPrivilege)((uint)(h->Status >> (SumShift - 1)) & (uint)(GuestPrivilege.Sum | GuestPrivilege.Mxr) | (uint)mode ^ 1);

    /// <summary>
    /// Translates <paramref name="address"/> for <paramref name="access"/> in <paramref name="mode"/>, in guest mode, through the second
    /// stage.
    /// </summary>
    internal AccessStatus Walk(Gva address, GuestAccess access, PrivilegeMode mode, out GuestPage page)
    {
        var tables = new SecondStageTables(secondStage);
        return Walk(ref tables, address, access, With(mode), out page);
    }

    /// <summary>The same outside guest mode, recorded: for a shadow MMU's faults.</summary>
    internal GuestWalkStatus Walk(Vcpu vcpu, Gva address, GuestAccess access, GuestPrivilege mode, ref GuestWalk walk)
    {
        walk.RootLevel = Levels(h->Satp);
        fixed (GuestWalk* record = &walk)
        {
            var tables = new RecordedTables(vcpu, Format, record);
            return Walk(ref tables, address, access, mode, out var page) switch
            {
                AccessStatus.Ok => Found(record, page),
                AccessStatus.PageFault => GuestWalkStatus.PageFault,
                AccessStatus.AccessFault => GuestWalkStatus.AccessFault,
                _ => GuestWalkStatus.Retry,
            };
        }
    }

    /// <summary>
    /// The same outside guest mode, for the hypervisor to read where the supervisor may, user pages included; leaves no trace in the
    /// tables.
    /// </summary>
    internal bool TryInspect(VirtualMachine vm, Gva address, out Gpa physicalAddress)
    {
        var tables = new InspectedTables(vm);
        var status = Walk(ref tables, address, GuestAccess.Read, GuestPrivilege.Sum, out var page);
        physicalAddress = page.PhysicalAddress;
        return status == AccessStatus.Ok;
    }

    private static GuestWalkStatus Found(GuestWalk* walk, in GuestPage page)
    {
        walk->Gfn = page.PhysicalAddress.Gfn;
        return GuestWalkStatus.Ok;
    }

    private static int Levels(ulong satp) => (SatpMode)(satp >> 60) switch
    {
        SatpMode.Sv39 => 3,
        SatpMode.Sv48 => 4,
        SatpMode.Sv57 => 5,
        _ => 0,
    };

    private static Gfn RootNumber(ulong satp) => new(satp & 0xfff_ffff_ffff);

    private AccessStatus Walk<TTables>(ref TTables tables, Gva address, GuestAccess access, GuestPrivilege mode, out GuestPage page)
        where TTables : struct, ITableMemory
    {
        page = default;
        var levels = Levels(h->Satp);
        if (levels == 0)
        {
            page.PhysicalAddress = new Gpa(address.Value);
            page.Level = 1;
            return AccessStatus.Ok;
        }

        var unused = 64 - (SoftTlb.PageShift + (9 * levels));
        if ((ulong)((long)(address.Value << unused) >> unused) != address.Value)
            return AccessStatus.PageFault;

        Walks++;
        for (var i = 0; i < Tries; i++)
        {
            var status = Descend(ref tables, address, access, mode, levels, out page, out var retry);
            if (!retry)
                return status;
        }

        return AccessStatus.Contended;
    }

    private AccessStatus Descend<TTables>(
        ref TTables tables, Gva address, GuestAccess access, GuestPrivilege mode, int levels, out GuestPage page, out bool retry)
        where TTables : struct, ITableMemory
    {
        page = default;
        retry = false;
        var table = RootNumber(h->Satp);
        for (var level = levels; level >= 1; level--)
        {
            var entryAddress = table.Gpa + ((ulong)Pte.IndexOf(address, level) * sizeof(ulong));
            var status = tables.Read(entryAddress, out var bits);
            if (status != AccessStatus.Ok)
                return status;

            var pte = new Pte(bits);
            if (!Format.IsWellFormed(pte, level))
                return AccessStatus.PageFault;

            if (!pte.IsLeaf)
            {
                tables.Use(level, table, bits);
                table = pte.PageNumber;
                continue;
            }

            if (!Permits(pte, access, mode))
                return AccessStatus.PageFault;

            var wanted = Pte.Accessed | (access == GuestAccess.Write ? Pte.Dirty : 0);
            if (TTables.IsAccess && (bits & wanted) != wanted)
            {
                if (_faultOnStale)
                    return AccessStatus.PageFault;

                status = tables.CompareExchange(entryAddress, bits, bits | wanted, out var exchanged);
                if (status != AccessStatus.Ok || !exchanged)
                {
                    retry = status == AccessStatus.Ok;
                    return status;
                }
            }

            tables.UseLeaf(level, table, bits | wanted, address);
            page.PhysicalAddress = pte.PageOf(address.PageNumber, level).Gpa + address.PageOffset;
            page.Level = pte.IsNapot ? 2 : level;
            return AccessStatus.Ok;
        }

        return AccessStatus.PageFault;
    }

    private static bool Permits(Pte pte, GuestAccess access, GuestPrivilege mode)
    {
        if ((mode & GuestPrivilege.User) != 0 ? !pte.User : pte.User && (access == GuestAccess.Execute || (mode & GuestPrivilege.Sum) == 0))
            return false;

        return access switch
        {
            GuestAccess.Read => pte.Readable || (pte.Executable && (mode & GuestPrivilege.Mxr) != 0),
            GuestAccess.Write => pte.Writable,
            _ => pte.Executable,
        };
    }
}
