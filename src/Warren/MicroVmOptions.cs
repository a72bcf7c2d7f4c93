using Warren.HostMemory;
using Warren.Hypervisor;
using Warren.Machines.Scheduling;
using Warren.Machines.Serial;
using Warren.RiscV;

namespace Warren;

/// <summary>The parts of a micro-VM, and how it is watched.</summary>
public sealed record MicroVmOptions
{
    /// <summary>The purpose of the boot.</summary>
    public MicroVmMode Mode { get; init; } = MicroVmMode.Command;

    /// <summary>The kernel: a flat RISC-V Image (plain or gzip) or a bare ELF64 executable that starts in S-mode.</summary>
    public required string KernelPath { get; init; }

    /// <summary>
    /// The initial ramdisk, or null. For commands it holds Warren's agent as <c>/init</c> (see Warren.Images.ImageStore).
    /// </summary>
    public string? InitrdPath { get; init; }

    /// <summary>Appended to the kernel's command line, after what Warren itself needs.</summary>
    public string Append { get; init; } = string.Empty;

    /// <summary>
    /// The kernel's command line, exactly: Warren adds nothing to it, and there is no <see cref="Append"/> then. Null, the default, for
    /// what Warren's own guests need (<see cref="GuestCommandLine.Compose"/>).
    /// </summary>
    public string? CommandLine { get; init; }

    /// <summary>Bytes of guest memory: a whole number of MiB.</summary>
    public long MemoryBytes { get; init; } = 512L << 20;

    /// <summary>vCPUs, 1 to 16.</summary>
    public int Cpus { get; init; } = 1;

    /// <summary>The widest guest paging mode offered; a kernel takes the widest it finds, and wider costs more on each TLB miss.</summary>
    public SatpMode MaxPaging { get; init; } = SatpMode.Sv57;

    /// <summary>The virtual machine's own options: how its page tables are kept, gated and audited.</summary>
    public VmOptions Vm { get; init; } = new();

    /// <summary>The longest the guest may run, or null.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Let the kernel print its log to the console.</summary>
    public bool Verbose { get; init; }

    /// <summary>The use of the console (ttyS0).</summary>
    public SerialOptions Console { get; init; } = SerialOptions.Discard;

    /// <summary>The frames of guest memory, to share kernel pages between the VMs of a process; null for a pool of this VM's own.</summary>
    public FramePool? Frames { get; init; }

    /// <summary>
    /// The budget that guest memory is charged to, so that the guest ends when it touches more; null for the budget that this process has
    /// of its control group (<see cref="ProcessMemory"/>), if it has any.
    /// </summary>
    public MemoryBudget? Budget { get; init; }

    /// <summary>The threads that run the vCPUs; null for this VM's own, at most one a processor.</summary>
    public VcpuPool? Pool { get; init; }
}
