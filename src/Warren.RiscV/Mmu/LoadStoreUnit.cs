using Warren.Hypervisor;
using Warren.Hypervisor.Vcpus;
using Warren.RiscV.Core;

namespace Warren.RiscV.Mmu;

/// <summary>Where one page's worth of an access goes.</summary>
internal unsafe struct PageTarget
{
    /// <summary>Host address of the page, or null for MMIO.</summary>
    public byte* HostPage;

    public Gpa PhysicalAddress;
}

/// <summary>
/// Data accesses that miss the TLB: walk, second stage, fill, then the access itself, also across pages and to devices.
/// </summary>
internal sealed unsafe class LoadStoreUnit(HartState* h, SoftTlb tlb, PageTableWalker walker, SecondStage secondStage)
{
    /// <summary>Tries to hold both pages of a store that crosses pages, before it is left to the dispatcher.</summary>
    private const int Tries = 4;

    /// <summary>TLB misses so far, MMIO included.</summary>
    internal long Misses;

    internal long MmioAccesses;

    /// <summary>Address that faulted, after an access that ended in a fault.</summary>
    internal ulong FaultAddress;

    /// <summary>Guest physical address of the write that <see cref="Pointer"/> said Tracked of.</summary>
    internal Gpa TrackedAddress;

    /// <summary>Loads <paramref name="size"/> bytes, zero-extended.</summary>
    internal AccessStatus Load(Gva address, int size, out ulong value)
    {
        value = 0;
        var inFirst = 4096 - (int)address.PageOffset;
        if (inFirst < size)
            return LoadAcross(address, inFirst, size, out value);

        var status = Resolve(address, GuestAccess.Read, out var target);
        if (status != AccessStatus.Ok)
            return status;

        if (target.HostPage == null)
        {
            MmioAccesses++;
            return secondStage.Vcpu!.MmioRead(target.PhysicalAddress, size, out value) ? AccessStatus.Ok : Refuse(address);
        }

        var host = target.HostPage + address.PageOffset;
        value = size switch
        {
            1 => *host,
            2 => *(ushort*)host,
            4 => *(uint*)host,
            _ => *(ulong*)host,
        };
        return AccessStatus.Ok;
    }

    /// <summary>Stores the low <paramref name="size"/> bytes of <paramref name="value"/>: all of them, or on a fault none.</summary>
    internal AccessStatus Store(Gva address, int size, ulong value)
    {
        var inFirst = 4096 - (int)address.PageOffset;
        if (inFirst < size)
        {
            var both = ResolveBoth(address, out var low, out var high);
            if (both != AccessStatus.Ok)
                return both == AccessStatus.Tracked ? StoreBytes(address, size, value) : both;

            ReadOnlySpan<byte> bytes = new(&value, size);
            bytes[..inFirst].CopyTo(new Span<byte>(low.HostPage + address.PageOffset, inFirst));
            bytes[inFirst..].CopyTo(new Span<byte>(high.HostPage, size - inFirst));
            return AccessStatus.Ok;
        }

        var status = Resolve(address, GuestAccess.Write, out var target);
        if (status != AccessStatus.Ok)
        {
            return status != AccessStatus.Tracked ? status
                : (address.Value & (ulong)(size - 1)) != 0 ? StoreBytes(address, size, value)
                : secondStage.WriteTracked(target.PhysicalAddress, size, value);
        }

        if (target.HostPage == null)
        {
            MmioAccesses++;
            return secondStage.Vcpu!.MmioWrite(target.PhysicalAddress, size, value) ? AccessStatus.Ok : Refuse(address);
        }

        var host = target.HostPage + address.PageOffset;
        switch (size)
        {
            case 1:
                *host = (byte)value;
                break;
            case 2:
                *(ushort*)host = (ushort)value;
                break;
            case 4:
                *(uint*)host = (uint)value;
                break;
            default:
                *(ulong*)host = value;
                break;
        }

        return AccessStatus.Ok;
    }

    /// <summary>
    /// Host address of <paramref name="address"/>, whose access must not cross a page; devices are an access fault. Tracked, with
    /// <see cref="TrackedAddress"/>, for a write to a shadowed table.
    /// </summary>
    internal AccessStatus Pointer(Gva address, GuestAccess access, out byte* host)
    {
        var status = Resolve(address, access, out var target);
        host = target.HostPage + address.PageOffset;
        TrackedAddress = target.PhysicalAddress;
        return status == AccessStatus.Ok && target.HostPage == null ? Refuse(address) : status;
    }

    /// <summary>Finds the page of a data access by the current mode and enters it in the TLB.</summary>
    internal AccessStatus Resolve(Gva address, GuestAccess access, out PageTarget target)
    {
        target = default;
        FaultAddress = address.Value;
        Misses++;
        if (secondStage.IsShadowed)
            return ResolveShadow(address, access, out target);

        var status = walker.Walk(address, access, h->Mode, out var page);
        if (status != AccessStatus.Ok)
            return status;

        target.PhysicalAddress = page.PhysicalAddress;
        switch (secondStage.Vcpu!.Translate(page.PhysicalAddress, access, out var translation))
        {
            case TranslateStatus.Mmio:
                target.HostPage = null;
                return AccessStatus.Ok;
            case TranslateStatus.Error:
                return AccessStatus.AccessFault;
            case TranslateStatus.Stopped:
                return AccessStatus.Stopped;
        }

        // Whatever flush was served meanwhile, the host page was looked up after it; and remote fences of the guest are served between
        // runs, so no second-stage flush makes this walk void.
        target.HostPage = translation.HostPage;
        tlb.Fill(Index(h), address.Value, translation.HostPage, access == GuestAccess.Write, page.Level);
        return AccessStatus.Ok;
    }

    /// <summary>
    /// The same by the shadow of the guest's tables. Also <see cref="AccessStatus.Tracked"/>, for a write to a shadowed table.
    /// </summary>
    private AccessStatus ResolveShadow(Gva address, GuestAccess access, out PageTarget target)
    {
        var mode = walker.With(h->Mode);
        var status = secondStage.TranslateVirtual(address, access, mode, out var translation, out target.PhysicalAddress);
        target.HostPage = translation.HostPage;
        if (status == AccessStatus.Ok && target.HostPage != null)
            tlb.Fill(Index(h), address.Value, target.HostPage, access == GuestAccess.Write, level: 1);

        return status;
    }

    /// <summary>The data TLB that the current mode and SUM select.</summary>
    internal static MmuIndex Index(HartState* h)
        => h->Mode == PrivilegeMode.User ? MmuIndex.User
            : (h->Status & Csrs.Sstatus.Sum) != 0 ? MmuIndex.SupervisorUserAccess
            : MmuIndex.Supervisor;

    // Part by part: the first page may be gone once the second is there, but what was read is read.
    private AccessStatus LoadAcross(Gva address, int inFirst, int size, out ulong value)
    {
        value = 0;
        var status = Resolve(address, GuestAccess.Read, out var low);
        if (status != AccessStatus.Ok)
            return status;

        Span<byte> bytes = stackalloc byte[8];
        bytes.Clear();
        if (low.HostPage != null)
            new ReadOnlySpan<byte>(low.HostPage + address.PageOffset, inFirst).CopyTo(bytes);

        status = Resolve(address.PageStart + 4096, GuestAccess.Read, out var high);
        if (status != AccessStatus.Ok)
            return status;

        if (low.HostPage == null || high.HostPage == null)
            return Refuse(address);

        new ReadOnlySpan<byte>(high.HostPage, size - inFirst).CopyTo(bytes[inFirst..]);
        value = BitConverter.ToUInt64(bytes);
        return AccessStatus.Ok;
    }

    // A store that faults in its second page must not have touched the first, so both must be held at once.
    private AccessStatus ResolveBoth(Gva address, out PageTarget low, out PageTarget high)
    {
        var second = address.PageStart + 4096;
        high = default;
        low = default;
        for (var i = 0; i < Tries; i++)
        {
            var first = Resolve(address, GuestAccess.Write, out low);
            if (first is not (AccessStatus.Ok or AccessStatus.Tracked))
                return first;

            // Resolving the second may take the first away, which the epoch tells.
            var epoch = h->FlushEpoch;
            var status = Resolve(second, GuestAccess.Write, out high);
            if (status is not (AccessStatus.Ok or AccessStatus.Tracked))
                return status;

            if (first == AccessStatus.Tracked || status == AccessStatus.Tracked)
            {
                var device = (first == AccessStatus.Ok && low.HostPage == null) || (status == AccessStatus.Ok && high.HostPage == null);
                return device ? Refuse(address) : AccessStatus.Tracked;
            }

            if (epoch == h->FlushEpoch)
                return low.HostPage == null || high.HostPage == null ? Refuse(address) : AccessStatus.Ok;
        }

        return AccessStatus.Contended;
    }

    /// <summary>
    /// A store to shadowed tables that is not naturally aligned, or lies in two pages (both of which may be written): byte by byte, as the
    /// manual allows. Stopped half way, it is done again from the start.
    /// </summary>
    private AccessStatus StoreBytes(Gva address, int size, ulong value)
    {
        var status = AccessStatus.Ok;
        for (var i = 0; i < size && status == AccessStatus.Ok; i++)
            status = Store(address + (ulong)i, 1, (byte)(value >> (8 * i)));

        return status;
    }

    private AccessStatus Refuse(Gva address)
    {
        FaultAddress = address.Value;
        return AccessStatus.AccessFault;
    }
}
