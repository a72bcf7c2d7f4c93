using System.Diagnostics.Tracing;
using Warren.HostMemory;
using Warren.Hypervisor.Vcpus;

namespace Warren.Hypervisor.Tracing;

/// <summary>
/// Tracepoints under KVM's names and with its fields, as events of the source <see cref="SourceName"/>: any <see cref="EventListener"/>
/// sees them, and <c>dotnet-trace collect --providers Warren.Hypervisor</c> records them. Off, each is the look at one field, on paths that
/// have left guest mode. A listener may do anything, so that none is written in guest mode or with a spinning lock of Warren's held; what
/// KVM traces there (<c>kvm_mmu_set_spte</c>, <c>kvm_tdp_mmu_spte_changed</c>, …) is not traced.
/// </summary>
[EventSource(Name = SourceName)]
public sealed class KvmEvents : EventSource
{
    public const string SourceName = "Warren.Hypervisor";

    private KvmEvents() : base(EventSourceSettings.EtwSelfDescribingEventFormat)
    {
    }

    internal static KvmEvents Log { get; } = new();

    /// <summary>A vCPU is about to execute guest code.</summary>
    [NonEvent]
    internal void Entry(Vcpu vcpu) => Write("kvm_entry", new { vcpu_id = vcpu.Id });

    /// <summary>It has come back; faults and device accesses meanwhile are events of their own.</summary>
    [NonEvent]
    internal void Exit(Vcpu vcpu, VcpuExitReason reason) => Write("kvm_exit", new { vcpu_id = vcpu.Id, exit_reason = reason.ToString() });

    /// <summary><see cref="Vcpu.Run"/> returns.</summary>
    [NonEvent]
    internal void UserspaceExit(Vcpu vcpu, VcpuExitReason reason) =>
        Write("kvm_userspace_exit", new { vcpu_id = vcpu.Id, reason = reason.ToString() });

    /// <param name="vcpu">whose access</param>
    /// <param name="rootAddress">guest physical under TDP, guest virtual under shadow</param>
    /// <param name="access">what it wanted</param>
    [NonEvent]
    internal void PageFault(Vcpu vcpu, ulong rootAddress, GuestAccess access) =>
        Write("kvm_page_fault", new { vcpu_id = vcpu.Id, fault_address = rootAddress, error_code = access.ToString() });

    [NonEvent]
    internal void Mmio(bool write, int size, Gpa gpa, ulong value) =>
        Write("kvm_mmio", new { type = write ? "write" : "read", len = size, gpa = gpa.Value, val = value });

    /// <summary>An invalidation that hits a slot of the VM begins. (KVM's is written for every range.)</summary>
    [NonEvent]
    internal void UnmapHvaRange(in MmuNotifierRange range) =>
        Write("kvm_unmap_hva_range", new { start = range.Start.Value, end = range.End.Value });

    [NonEvent]
    internal void AgeHva(in MmuNotifierRange range) => Write("kvm_age_hva", new { start = range.Start.Value, end = range.End.Value });

    [NonEvent]
    internal void TestAgeHva(in MmuNotifierRange range) =>
        Write("kvm_test_age_hva", new { hva = range.Start.Value, end = range.End.Value });

    /// <param name="zaps">of the VM so far</param>
    [NonEvent]
    internal void ZapAllFast(long zaps) => Write("kvm_mmu_zap_all_fast", new { mmu_valid_gen = zaps });

    [NonEvent]
    internal void DirtyRingReset(int count) => Write("kvm_dirty_ring_reset", new { reset = count });

    /// <summary>A vCPU has to come out, for its ring is nearly full.</summary>
    [NonEvent]
    internal void DirtyRingExit(Vcpu vcpu) => Write("kvm_dirty_ring_exit", new { vcpu_id = vcpu.Id });
}
