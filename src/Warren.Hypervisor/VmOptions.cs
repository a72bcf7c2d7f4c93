using Warren.Hypervisor.DirtyLogging;
using Warren.Hypervisor.Invalidation;
using Warren.Hypervisor.Paging;

namespace Warren.Hypervisor;

/// <summary>The options that are fixed when a <see cref="VirtualMachine"/> is made.</summary>
public sealed record VmOptions
{
    /// <summary>
    /// Address spaces of memslots, 1 or 2 (x86 has a second one for SMM). vCPUs walk the first; slots, notifications and dirty logs know
    /// both.
    /// </summary>
    public int AddressSpaces { get; init; } = 1;

    /// <summary>Entries of each vCPU's dirty ring, a power of two up to 65536; 0 logs into bitmaps.</summary>
    public uint DirtyRingEntries { get; init; }

    /// <summary>With rings: have bitmaps too, for pages that no vCPU dirties (<c>KVM_CAP_DIRTY_LOG_RING_WITH_BITMAP</c>).</summary>
    public bool DirtyRingWithBitmap { get; init; }

    /// <summary>Reading the log does not write-protect; clearing it does (<c>KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE</c>).</summary>
    public bool ManualDirtyLogProtect { get; init; }

    /// <summary>A slot starts with every page dirty (<c>KVM_DIRTY_LOG_INITIALLY_SET</c>).</summary>
    public bool DirtyLogInitiallySet { get; init; }

    /// <summary>Map 2 MiB at once where slot and host memory allow it.</summary>
    public bool HugePages { get; init; } = true;

    /// <summary>How memslot updates and invalidations of host memory stay out of each other's way.</summary>
    public GateKind Gate { get; init; } = GateKind.Default;

    /// <summary>How the VM's page tables are kept.</summary>
    public MmuKind Mmu { get; init; } = MmuKind.Default;

    /// <summary>
    /// Compare the page tables with the memslots, the host's page table and (with a shadow MMU) the guest's own: after each change of
    /// memslots, every so many zaps, and at the end; and what a vCPU keeps ready for tables with new ones before each fault. It costs much
    /// time; see <see cref="VirtualMachine.Audit"/>.
    /// </summary>
    public bool Audit { get; init; }

    internal void Validate()
    {
        ArgumentNullException.ThrowIfNull(Gate);
        ArgumentNullException.ThrowIfNull(Mmu);
        if (AddressSpaces is not (1 or 2))
            throw new ArgumentException($"A VM has 1 or 2 address spaces, not {AddressSpaces}: set VmOptions.AddressSpaces accordingly.");
        if (DirtyRingEntries != 0 && !DirtyRing.IsValidSize(DirtyRingEntries))
        {
            throw new ArgumentException($"VmOptions.DirtyRingEntries is {DirtyRingEntries}: set it to a power of two from 128 to "
                + $"{DirtyRing.MaxEntries}, or to 0 for bitmaps.");
        }
    }
}
