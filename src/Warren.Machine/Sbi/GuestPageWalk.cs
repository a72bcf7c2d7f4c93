using System.Buffers.Binary;
using Warren.Hypervisor;

namespace Warren.Machines.Sbi;

/// <summary>
/// Walks a guest's page tables for the hypervisor (RISC-V privileged architecture, "Virtual Address Translation Process"), without touching
/// accessed bits: the legacy SBI calls pass pointers as the supervisor sees them.
/// </summary>
internal static class GuestPageWalk
{
    private const ulong Valid = 1;
    private const ulong Readable = 2;
    private const ulong Leaf = 0b1110;
    private const int PageShift = 12;
    private const int IndexBits = 9;
    private const ulong PhysicalPageMask = (1UL << 44) - 1;

    /// <summary>The guest physical address behind a virtual one that is readable; false when there is none.</summary>
    public static bool TryTranslate(VirtualMachine vm, ulong satp, ulong virtualAddress, out ulong physicalAddress)
    {
        physicalAddress = virtualAddress;
        int mode = (int)(satp >> 60);
        if (mode == 0)
            return true;
        int levels = mode - 5;
        if (levels is < 3 or > 5)
            return false;
        int unused = 64 - (PageShift + levels * IndexBits);
        if ((ulong)((long)virtualAddress << unused >> unused) != virtualAddress)
            return false;
        ulong table = (satp & PhysicalPageMask) << PageShift;
        Span<byte> bytes = stackalloc byte[8];
        for (int level = levels - 1; level >= 0; level--)
        {
            int shift = PageShift + level * IndexBits;
            ulong index = virtualAddress >> shift & ((1UL << IndexBits) - 1);
            if (!vm.ReadGuest(table + index * 8, bytes))
                return false;
            ulong entry = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
            if ((entry & Valid) == 0)
                return false;
            ulong page = (entry >> 10 & PhysicalPageMask) << PageShift;
            if ((entry & Leaf) != 0)
            {
                ulong offset = (1UL << shift) - 1;
                // The low bits of a larger page's number say nothing about where it lies (Svnapot uses some of them).
                ulong napot = level == 0 && (entry >> 63) != 0 ? 0xffffUL : offset;
                physicalAddress = (page & ~napot) | (virtualAddress & napot);
                return (entry & Readable) != 0;
            }
            table = page;
        }
        return false;
    }
}
