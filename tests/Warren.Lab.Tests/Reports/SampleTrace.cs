using Warren.Locking;

namespace Warren.Lab.Tests.Reports;

/// <summary>
/// A hand-made trace with everything that a report has to show: nested and overlapping locks, waiting, preemption, notes, hostile names.
/// </summary>
internal static class SampleTrace
{
    public const string Hostile = "<script>alert('x')</script> & \"y\" ]]> \u0001";

    public static Trace Deadlock { get; } = new("fault-against-delete", ["vcpu", "updater", "notifier"],
    [
        Step(0, CheckOperation.SrcuReadLock, "kvm_srcu#1", held: ["kvm_srcu#1"], source: "TdpMmu.Fault.cs:88 Fault"),
        Step(0, CheckOperation.AtomicRead, "InvalidationState#1.Sequence", 7, held: ["kvm_srcu#1"], source: "TdpMmu.Fault.cs:91 Fault"),
        Step(1, CheckOperation.LockAcquire, "slots_lock#1", mode: LockMode.Exclusive, held: ["slots_lock#1"],
            source: "VirtualMachine.Memslots.cs:40 SetUserMemoryRegion", preempted: true),
        Step(1, CheckOperation.AtomicWrite, "Memslots#1.Active", 0x7f00_1234_5000, held: ["slots_lock#1"],
            source: "VirtualMachine.Memslots.cs:66 Install"),
        Step(1, CheckOperation.SrcuSynchronize, "kvm_srcu#1", held: ["slots_lock#1"], succeeded: false, note: "waits for vcpu"),
        Step(2, CheckOperation.Relax, ""),
        Step(2, CheckOperation.Relax, ""),
        Step(2, CheckOperation.Relax, ""),
        Step(2, CheckOperation.LockAcquire, "mmu_lock#1", mode: LockMode.Exclusive, held: ["mmu_lock#1"],
            source: "InvalidationState.cs:12 Begin"),
        Step(2, CheckOperation.AtomicUpdate, "InvalidationState#1.InProgress", 0, held: ["mmu_lock#1"]),
        Step(2, CheckOperation.LockTryAcquire, "frame_pool#1", mode: LockMode.Exclusive, held: ["mmu_lock#1", "frame_pool#1"]),
        Step(2, CheckOperation.LockRelease, "mmu_lock#1", mode: LockMode.Exclusive, held: ["frame_pool#1"]),
        Step(2, CheckOperation.LockRelease, "frame_pool#1", mode: LockMode.Exclusive),
        Step(0, CheckOperation.LockAcquire, "slots_lock#1", mode: LockMode.Exclusive, held: ["kvm_srcu#1"], succeeded: false,
            note: "waits for updater", source: "TdpMmu.Fault.cs:120 Retry", preempted: true),
    ],
    new Verdict(VerdictKind.Deadlock, "vcpu waits for slots_lock#1, which updater holds while it waits for vcpu's section of kvm_srcu#1.",
        "vcpu      waits for slots_lock#1 (held by updater)\nupdater   waits for kvm_srcu#1   (read by vcpu)"),
    "w1.fad.AAEC/x==", 2);

    public static Trace WithHostileText { get; } = Deadlock with
    {
        Scenario = Hostile,
        Threads = [Hostile, "b", "c"],
        Steps = [Step(0, CheckOperation.AtomicWrite, Hostile, 1, held: [Hostile], source: Hostile, note: Hostile), .. Deadlock.Steps],
        Verdict = new Verdict(VerdictKind.Invariant, Hostile, Hostile),
        Replay = Hostile,
    };

    public static TraceStep Step(int thread, CheckOperation operation, string subject, long value = 0, LockMode mode = LockMode.None,
        bool succeeded = true,
        IReadOnlyList<string>? held = null, string source = "", bool preempted = false, string note = "") =>
        new(thread, operation, mode, subject, value, succeeded, source, held ?? [], preempted, note);
}
