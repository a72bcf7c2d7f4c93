using Warren.Locking;

namespace Warren.Lab;

/// <summary>
/// Everything that a VM's tables are made from and are said to be, looked at once, at the end: an audit
/// (<see cref="Hypervisor.VirtualMachine.Audit"/>) of each VM, which finds what no page of a scenario shows, such as a record, a count, a
/// reverse map, or a page that waits to be used again.
/// </summary>
internal sealed class AuditOracle(LabWorld world) : StepMonitor
{
    public override void OnStep(int thread, in CheckStep step, bool succeeded)
    {
    }

    public override void OnEnd()
    {
        foreach (var vm in world.VmList)
        {
            if (!vm.IsDisposed && vm.Vm.Audit(atRest: true) is { IsClean: false } report)
                world.Fail(VerdictKind.Invariant, report.ToString());
        }
    }
}
