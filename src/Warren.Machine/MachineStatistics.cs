using Warren.HostMemory;
using Warren.Hypervisor;
using Warren.RiscV;

namespace Warren.Machines;

/// <summary>The work of one hart.</summary>
/// <param name="Instructions">Guest instructions retired.</param>
/// <param name="Slices">Time slices the scheduler gave it.</param>
/// <param name="Details">The hart's own counters.</param>
public sealed record HartReport(ulong Instructions, long Slices, HartStatistics Details);

/// <summary>Counters of a machine; exact once it has ended, a snapshot of moving numbers before.</summary>
public sealed record MachineStatistics
{
    /// <summary>Host time since the machine was made.</summary>
    public required TimeSpan Elapsed { get; init; }

    public required IReadOnlyList<HartReport> Harts { get; init; }

    public required VmStatistics Vm { get; init; }

    /// <summary>Faults, copy-on-write breaks and the like, of the machine's address space.</summary>
    public required AddressSpaceStatistics Memory { get; init; }

    /// <summary>Guest instructions of all harts.</summary>
    public ulong Instructions
    {
        get
        {
            ulong sum = 0;
            foreach (var hart in Harts)
                sum += hart.Instructions;
            return sum;
        }
    }

    public required long SbiCalls { get; init; }

    /// <summary>External interrupts claimed from the PLIC.</summary>
    public required long InterruptsClaimed { get; init; }

    /// <summary>Bytes the guest sent over each UART.</summary>
    public required IReadOnlyList<long> SerialOutput { get; init; }

    /// <summary>Frames of the pool in use, other machines' included.</summary>
    public required long FramesInUse { get; init; }
}
