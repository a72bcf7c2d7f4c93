using Warren.Locking;

namespace Warren.Hypervisor;

/// <summary>The events of this layer that <see cref="Check.Mark"/> tells to oracles.</summary>
public static class HypervisorMarks
{
    /// <summary>
    /// A deletion is complete and about to be returned from: nothing refers to the old slot. Subject: the <see cref="VirtualMachine"/>;
    /// first: the slot's id; second: its address space.
    /// </summary>
    public static readonly CheckMark MemslotDeleted = new("memslot deleted");

    /// <summary>A move is; subject and numbers as above.</summary>
    public static readonly CheckMark MemslotMoved = new("memslot moved");
}
