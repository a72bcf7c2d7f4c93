using Warren.Hypervisor;
using Warren.Locking;

namespace Warren.Machines;

/// <summary>The lock classes of the board, outermost first; docs/locking.md has the table.</summary>
internal static class BoardLocks
{
    /// <summary>A UART's registers and FIFOs.</summary>
    public static readonly LockClass Uart = new("uart", WaitContext.Spin);

    /// <summary>The RTC's registers.</summary>
    public static readonly LockClass Rtc = new("rtc", WaitContext.Spin);

    /// <summary>A PLIC's registers. A device raises its line while holding its own lock.</summary>
    public static readonly LockClass Plic = new("plic", WaitContext.Spin, Uart, Rtc);

    /// <summary>The host's end of a serial channel: its readers, its writers.</summary>
    public static readonly LockClass SerialHost = new("serial-host", WaitContext.Spin);

    /// <summary>The states of a machine's harts (SBI HSM).</summary>
    public static readonly LockClass Hsm = new("hsm", WaitContext.Spin);

    /// <summary>The software interrupt of a hart while it is reset.</summary>
    public static readonly LockClass Restart = new("hart-restart", WaitContext.Spin);

    /// <summary>The remote fences asked of a hart.</summary>
    public static readonly LockClass Fence = new("fence-mailbox", WaitContext.Spin);

    /// <summary>The heap of deadlines.</summary>
    public static readonly LockClass Timer = new("timer", WaitContext.Spin, Rtc);

    /// <summary>A pool's queue of runnable vCPUs. Waking a vCPU happens under any device's lock.</summary>
    public static readonly LockClass RunQueue = new("run-queue", WaitContext.Spin, Uart, Rtc);

    static BoardLocks()
    {
        // The guest reaches devices by way of the bus, whose lookup is a read section.
        Uart.AlsoNestsIn(HypervisorLocks.Srcu);
        Rtc.AlsoNestsIn(HypervisorLocks.Srcu);
        Plic.AlsoNestsIn(HypervisorLocks.Srcu);
        // A VM that runs out of tables wakes its vCPUs from inside a fault: rare, and known beforehand.
        RunQueue.Prime(HypervisorLocks.MmuLock);
        RunQueue.AlsoNestsIn(HypervisorLocks.Srcu);
        // stimecmp is written in guest mode.
        Timer.AlsoNestsIn(HypervisorLocks.Srcu, HypervisorLocks.GuestMode);
    }
}
