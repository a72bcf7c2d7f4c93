using Warren.Hypervisor.Audit;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Vcpus;
using Warren.Locking;

namespace Warren.Hypervisor;

/// <summary>The page tables compared with what they are made from.</summary>
public sealed partial class VirtualMachine
{
    private int _auditDue;
    private long _audits;
    private bool _auditFailed;

    /// <summary>Audits made so far.</summary>
    public long Audits => Atomics.Read(ref _audits, this);

    /// <summary>
    /// Recomputes, from the memslots, the host's page table and (with a shadow MMU) the guest's tables, what every entry of the VM's page
    /// tables and all that is kept about them must be, and compares. Any time, from any thread that is not in guest mode; mmu_lock is held
    /// for as long as it takes, which grows with what is mapped. With <see cref="VmOptions.Audit"/> a VM does this by itself, and a finding
    /// ends it as <see cref="ErrorReason"/>.
    /// </summary>
    /// <param name="atRest">no vCPU runs, and no other call is under way: counts must be exact, too, and what vCPUs keep ready for their
    /// next tables as good as new</param>
    public AuditReport Audit(bool atRest = false)
    {
        using var balance = Check.Balanced();
        var srcu = Srcu.ReadLock();
        MmuLock.WriteLock();
        Auditor auditor = new(this, atRest);
        Mmu.Audit(auditor);
        if (atRest)
        {
            foreach (var vcpu in VcpuArray) auditor.Caches(vcpu);
        }
        MmuLock.WriteUnlock();
        Srcu.ReadUnlock(srcu);
        Atomics.Increment(ref _audits, this);
        var report = auditor.Report();
        if (!report.IsClean) Atomics.Write(ref _auditFailed, true, this);
        return report;
    }

    /// <summary>Asks for an audit at the next moment when a thread of the VM holds no lock; mmu_lock may be held.</summary>
    internal void RequestAudit() => Atomics.Write(ref _auditDue, 1, this);

    /// <summary>The audit that was asked for, if any. No lock held, outside guest mode.</summary>
    internal void AuditIfDue()
    {
        if (Atomics.Read(ref _auditDue, this) != 0 && Atomics.Exchange(ref _auditDue, 0, this) != 0) AuditNow();
    }

    /// <summary>
    /// With <see cref="VmOptions.Audit"/>: an audit whose findings end the VM. No spinning lock held, outside guest mode.
    /// </summary>
    internal void AuditNow()
    {
        if (!Options.Audit) return;
        var report = Audit();
        if (!report.IsClean) ReportError(report.ToString());
    }

    /// <summary>
    /// With <see cref="VmOptions.Audit"/>, on the vCPU's thread: an audit of what it keeps ready, which others could only look at while it
    /// does not run.
    /// </summary>
    internal void AuditCaches(Vcpu vcpu)
    {
        if (Mmu.AreCachesNew(vcpu)) return;
        Auditor auditor = new(this, atRest: false);
        auditor.Caches(vcpu);
        ReportError(auditor.Report().ToString());
    }

    /// <summary>The audit at the end of the VM: what to throw, unless an audit before has told somebody already.</summary>
    private AuditException? AuditAtEnd()
    {
        if (!Options.Audit || Atomics.Read(ref _auditFailed, this)) return null;
        var report = Audit(atRest: true);
        return report.IsClean ? null : new AuditException(report.ToString());
    }

    private static void ThrowIfWrong(AuditException? found)
    {
        if (found is not null) throw found;
    }
}
