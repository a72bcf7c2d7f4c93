using Warren.HostMemory;

namespace Warren.Hypervisor.Slots;

/// <summary>One request of <see cref="VirtualMachine.SetUserMemoryRegion"/> (<c>struct kvm_userspace_memory_region</c>).</summary>
public record struct UserMemoryRegion
{
    /// <summary>Low 16 bits: id of the slot in its address space. High 16 bits: the address space.</summary>
    public uint Slot { get; set; }
    public MemslotFlags Flags { get; set; }
    /// <summary>First byte in guest physical memory; page aligned.</summary>
    public Gpa GuestPhysicalAddress { get; set; }
    /// <summary>Bytes, a multiple of the page; 0 deletes the slot.</summary>
    public ulong MemorySize { get; set; }
    /// <summary>First byte in the VM's <see cref="HostMemory.AddressSpace"/>; page aligned. Nothing has to be mapped there yet.</summary>
    public Hva UserspaceAddress { get; set; }

    public readonly int Id => (int)(Slot & 0xffff);
    public readonly int AddressSpaceId => (int)(Slot >> 16);

    public override readonly string ToString() =>
        $"slot {Id} of address space {AddressSpaceId}: gpa 0x{GuestPhysicalAddress:x}, size 0x{MemorySize:x}, hva 0x{UserspaceAddress:x}, "
        + $"flags {Flags}";
}
