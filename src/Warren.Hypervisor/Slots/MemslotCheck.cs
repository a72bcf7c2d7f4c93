using Warren.HostMemory;

namespace Warren.Hypervisor.Slots;

/// <summary>
/// The checks of <c>KVM_SET_USER_MEMORY_REGION</c>, in KVM's order: a request that is wrong in two ways fails with the earlier one.
/// </summary>
internal static class MemslotCheck
{
    private const MemslotFlags ValidFlags = MemslotFlags.LogDirtyPages | MemslotFlags.ReadOnly;

    /// <summary>Checks a request without looking at the slots there are.</summary>
    public static void Request(in UserMemoryRegion r, int addressSpaces)
    {
        const ulong offsetMask = VirtualMachine.PageSize - 1;
        if (r.Id >= VirtualMachine.UserMemslots)
            throw Invalid($"There is no slot {r.Id}: ids go up to {VirtualMachine.UserMemslots - 1}.");
        if ((r.Flags & ~ValidFlags) != 0)
            throw Invalid($"Flags 0x{(uint)(r.Flags & ~ValidFlags):x} are unknown or not supported: LogDirtyPages and ReadOnly are.");
        if ((r.MemorySize & offsetMask) != 0)
            throw Invalid($"The size 0x{r.MemorySize:x} is no multiple of the 4 KiB page.");
        if (r.GuestPhysicalAddress.PageOffset != 0)
            throw Invalid($"The guest physical address 0x{r.GuestPhysicalAddress:x} is no multiple of the 4 KiB page.");
        // access_ok; anything above also counts as a tagged pointer.
        if (r.UserspaceAddress.PageOffset != 0 || r.UserspaceAddress > AddressSpace.AddressLimit || r.MemorySize
            > AddressSpace.AddressLimit - r.UserspaceAddress)
        {
            throw Invalid(
                $"The host virtual address 0x{r.UserspaceAddress:x} with size 0x{r.MemorySize:x} must be page aligned and end below 0x"
                    + $"{AddressSpace.AddressLimit:x}.");
        }
        if (r.AddressSpaceId >= addressSpaces)
            throw Invalid($"There is no address space {r.AddressSpaceId}: this VM has {addressSpaces}.");
        if (r.GuestPhysicalAddress + r.MemorySize < r.GuestPhysicalAddress)
            throw Invalid($"Guest physical address 0x{r.GuestPhysicalAddress:x} plus size 0x{r.MemorySize:x} wraps around.");
        if (r.MemorySize >> VirtualMachine.PageShift > VirtualMachine.MaxPagesPerSlot)
            throw Invalid($"A slot has at most {VirtualMachine.MaxPagesPerSlot} pages; split the region.");
    }

    /// <summary>The change that the request means for the slots there are; null when it changes nothing.</summary>
    public static MemslotChange? Change(in UserMemoryRegion r, Memslot? old, ulong totalPages, Memslots slots)
    {
        var pages = r.MemorySize >> VirtualMachine.PageShift;
        MemslotChange change;
        if (pages == 0)
        {
            if (old is null)
                throw Invalid($"Slot {r.Id} of address space {r.AddressSpaceId} does not exist: a size of 0 deletes one that does.");
            if (totalPages < old.NPages)
            {
                throw new MemslotException(Errno.EIO,
                    "The VM's count of pages is smaller than the slot to delete; this is a bug of Warren.");
            }
            return MemslotChange.Delete;
        }
        if (old is null)
        {
            if (totalPages + pages < totalPages) throw Invalid("The pages of all slots together overflow 64 bits.");
            change = MemslotChange.Create;
        }
        else
        {
            if (old.UserspaceAddress != r.UserspaceAddress || old.NPages != pages || ((old.Flags ^ r.Flags) & MemslotFlags.ReadOnly) != 0)
                throw Invalid($"Slot {r.Id} exists with another host virtual address, size or ReadOnly flag: delete it first.");
            if (old.BaseGfn != r.GuestPhysicalAddress.Gfn) change = MemslotChange.Move;
            else if (old.Flags != r.Flags) return MemslotChange.FlagsOnly;
            else return null;
        }
        var start = r.GuestPhysicalAddress.Gfn;
        if (slots.Overlaps(start, start + pages, r.Id))
        {
            throw new MemslotException(Errno.EEXIST,
                $"Guest physical memory 0x{r.GuestPhysicalAddress:x} to 0x{r.GuestPhysicalAddress + r.MemorySize - 1:x} overlaps another "
                    + $"slot.");
        }
        return change;
    }

    /// <summary>Refuses what the MMU cannot do (<c>kvm_arch_prepare_memory_region</c>).</summary>
    public static void FitsMmu(Memslot slot)
    {
        if (slot.EndGfn > VirtualMachine.EndGfn)
            throw Invalid($"The slot ends at gfn 0x{slot.EndGfn:x}, beyond the 48 bits of guest physical address that stage-2 tables map.");
    }

    private static MemslotException Invalid(string sentence) => new(Errno.EINVAL, sentence);
}
