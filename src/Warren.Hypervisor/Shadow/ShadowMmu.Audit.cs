using Warren.Hypervisor.Audit;

namespace Warren.Hypervisor.Shadow;

/// <summary>The audit of shadow pages: see <see cref="ShadowAuditor"/>.</summary>
internal sealed unsafe partial class ShadowMmu
{
    /// <summary>
    /// Commits of zaps between two audits, at least; more where there are many pages, so that the audits of a VM cost a bounded part of its
    /// time.
    /// </summary>
    private const int CommitsPerAudit = 64;

    private int _commitsSinceAudit;

    internal int Generation => _generation;

    /// <inheritdoc/>
    public override void Audit(Auditor audit) => new ShadowAuditor(this, _vm, audit).Run();

    /// <summary>With <see cref="VmOptions.Audit"/>: pages have been zapped. mmu_lock held.</summary>
    private void CountCommit()
    {
        if (!_vm.Options.Audit || ++_commitsSinceAudit < CommitsPerAudit + _pageCount) return;
        _commitsSinceAudit = 0;
        _vm.RequestAudit();
    }
}
