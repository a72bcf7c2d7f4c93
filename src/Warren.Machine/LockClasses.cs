using Warren.HostMemory;
using Warren.Hypervisor;
using Warren.Locking;

namespace Warren.Machines;

/// <summary>All lock classes of the layers up to the machine, for a validator that wants to know them before it meets them.</summary>
public static class LockClasses
{
    /// <summary>Has every layer declare its classes, their order, and what they are primed with.</summary>
    public static void Declare()
    {
        LockClass.Ensure(typeof(HostMemoryLocks));
        LockClass.Ensure(typeof(HypervisorLocks));
        LockClass.Ensure(typeof(BoardLocks));
    }
}
