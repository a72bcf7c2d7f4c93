using Warren.HostMemory;
using Warren.Hypervisor;
using Warren.Machines.Scheduling;
using Warren.Machines.Serial;
using Warren.RiscV;

namespace Warren.Machines;

/// <summary>The parts that a machine is made of.</summary>
public sealed record MachineOptions
{
    /// <summary>The most vCPUs that a machine can have.</summary>
    public const int MaxCpus = Devices.Plic.MaxHarts;

    /// <summary>The least memory that a machine can have, and what it is a multiple of: one MiB.</summary>
    public const long MinMemoryBytes = 1L << 20;

    /// <summary>The most memory that a machine can have: 512 GiB.</summary>
    public const long MaxMemoryBytes = 512L << 30;

    /// <summary>The longest <see cref="Timeout"/>.</summary>
    public static readonly TimeSpan MaxTimeout = TimeSpan.FromDays(24);

    /// <summary>Bytes of guest memory: whole MiB, 1 MiB to 512 GiB. It costs the host only what the guest touches.</summary>
    public long MemoryBytes { get; init; } = 512L << 20;

    /// <summary>vCPUs, 1 to 16.</summary>
    public int Cpus { get; init; } = 1;

    /// <summary>The kernel: a flat RISC-V Image, plain or gzip, or a bare ELF64 executable.</summary>
    public required string KernelPath { get; init; }

    /// <summary>The initial ramdisk; null for none.</summary>
    public string? InitrdPath { get; init; }

    /// <summary>
    /// The kernel's command line. With <c>panic=-1</c> a kernel that panics reboots at once, which is noticed; else it loops for ever.
    /// </summary>
    public string CommandLine { get; init; } = string.Empty;

    /// <summary>The abilities of each hart.</summary>
    public HartOptions Hart { get; init; } = new();

    /// <summary>One entry a UART, 1 to 3 of them: UART 0 is the guest's console (ttyS0).</summary>
    public IReadOnlyList<SerialOptions> Serial { get; init; } = [SerialOptions.Discard, SerialOptions.Discard];

    /// <summary>The longest the machine may run, by the host's clock, at most 24 days; null for no limit.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>The virtual machine's own options: how its page tables are kept, gated and audited.</summary>
    public VmOptions Vm { get; init; } = new();

    /// <summary>The frames of guest memory; null for a pool of the machine's own. A pool given stays the caller's.</summary>
    public FramePool? Frames { get; init; }

    /// <summary>The budget that guest memory is charged against; null for no limit.</summary>
    public MemoryBudget? Budget { get; init; }

    /// <summary>
    /// The threads that run the vCPUs; null for one a processor at most, of the machine's own. A pool given stays the caller's.
    /// </summary>
    public VcpuPool? Pool { get; init; }

    /// <summary>Where decompressed kernels are kept; null for the user's cache directory.</summary>
    public string? KernelCacheDirectory { get; init; }

    /// <summary>Throws <see cref="MachineConfigurationException"/> for the first value out of range.</summary>
    internal void Validate()
    {
        if (Cpus is < 1 or > MaxCpus)
            throw new MachineConfigurationException($"A machine has 1 to {MaxCpus} CPUs, not {Cpus}.");
        if (MemoryBytes is < MinMemoryBytes or > MaxMemoryBytes || MemoryBytes % MinMemoryBytes != 0)
        {
            throw new MachineConfigurationException(
                $"Guest memory is a whole number of MiB from 1 MiB to 512 GiB, not {MemoryBytes} bytes.");
        }
        if (Serial.Count is < 1 or > MemoryMap.MaxUarts)
            throw new MachineConfigurationException($"A machine has 1 to {MemoryMap.MaxUarts} UARTs, not {Serial.Count}.");
        foreach (var serial in Serial)
        {
            if (serial.Capacity is < SerialOptions.MinCapacity or > SerialOptions.MaxCapacity)
            {
                throw new MachineConfigurationException(
                    $"A serial port buffers {SerialOptions.MinCapacity} bytes to 16 MiB, not {serial.Capacity} bytes.");
            }
            if (serial is { DiscardOutput: true, Output: not null })
            {
                throw new MachineConfigurationException(
                    "A serial port's output is to be discarded and has a stream as well; choose one of them.");
            }
        }
        Boot.KernelCommandLine.Validate(CommandLine);
        if (Timeout is { } limit && (limit <= TimeSpan.Zero || limit > MaxTimeout))
        {
            throw new MachineConfigurationException(
                $"A timeout is above zero and at most {MaxTimeout.Days} days, not {limit}; leave it out for no limit.");
        }
    }
}
