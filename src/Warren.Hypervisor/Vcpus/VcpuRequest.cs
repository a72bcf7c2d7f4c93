namespace Warren.Hypervisor.Vcpus;

/// <summary>
/// Something a vCPU must do before it enters guest mode again (KVM_REQ_*): bits 0..7 the number of its bit in the request word, the others
/// how it is delivered.
/// </summary>
public enum VcpuRequest : uint
{
    NumberMask = 0xff,
    /// <summary>A halted vCPU is left alone: it will see the request when it runs.</summary>
    NoWakeup = 1 << 8,
    /// <summary>Whoever asks waits until the vCPU is out of the guest-mode section it was in.</summary>
    Wait = 1 << 9,

    TlbFlush = 0 | Wait | NoWakeup,
    VmDead = 1 | Wait,
    DirtyRingSoftFull = 3 | NoWakeup,
    /// <summary>
    /// Lets go of a root that is obsolete, and flushes. Waits, so that obsolete tables are out of reach of guest mode at once.
    /// </summary>
    FreeObsoleteRoots = 4 | Wait | NoWakeup,
    /// <summary><see cref="Vcpu.Run"/> returns <see cref="VcpuExitReason.Interrupted"/>.</summary>
    Kick = 5,
}

internal static class VcpuRequestExtensions
{
    public static ulong Bit(this VcpuRequest request) => 1UL << (int)(request & VcpuRequest.NumberMask);
}
