using Warren.HostMemory;
using Warren.Hypervisor;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>
/// Invariant 1: from the return of an invalidation's start until its end no SPTE of any root, valid or not, no TLB entry that a guest can
/// use and no decoded code (which is reached through an SPTE each time) leads to a page of its range, and none comes to.
/// </summary>
internal sealed class InvalidationOracle(LabWorld world) : StepMonitor
{
    private readonly List<(Hva Start, Hva End)> _open = [];

    public override void OnStep(int thread, in CheckStep step, bool succeeded)
    {
        if (step.Operation == CheckOperation.Mark && ReferenceEquals(step.Instance, world.Memory.Notifiers))
        {
            var (start, end) = (new Hva((ulong)step.Offset), new Hva((ulong)step.Value));
            if (ReferenceEquals(step.Mark, HostMemoryMarks.InvalidationStarted))
            {
                _open.Add((start, end));
                Touch(start, end);
                CheckTlbs(start, end);
            }
            else if (ReferenceEquals(step.Mark, HostMemoryMarks.InvalidationEnding))
            {
                _open.Remove((start, end));
                Touch(start, end);
            }
        }

        if (Still.AccessedFrame(world.Pool, step) is var pfn && !pfn.IsNone)
            CheckAccess(thread, pfn);
        else if (_open.Count > 0 && Still.ChangesMappings(world, step, succeeded))
            CheckSptes();
    }

    /// <summary>An invalidation of these pages begins or ends: seen by whoever uses them.</summary>
    private void Touch(Hva start, Hva end)
    {
        foreach (var (first, last) in world.Mapped)
        {
            for (var hva = Hva.Max(first, start); hva < Hva.Min(last, end); hva += LabWorld.PageSize)
                world.Schedule.Depends(this, (long)hva.Value, changes: true);
        }
    }

    private void CheckSptes()
    {
        foreach (var vm in world.VmList)
        {
            foreach (var gfn in vm.Gfns)
            {
                foreach (var (leaf, obsolete) in Still.Leaves(vm, gfn))
                {
                    if (IsInvalidated(vm, gfn, out var hva))
                    {
                        world.Fail(VerdictKind.Invariant,
                            $"Between start and end of an invalidation of hva 0x{hva:x} an SPTE of {vm} maps gfn {gfn.Value} ("
                                + $"{leaf}){(obsolete ? ", in an obsolete root" : "")}.");
                    }
                }
            }
        }
    }

    private unsafe void CheckTlbs(Hva start, Hva end)
    {
        foreach (var vm in world.VmList)
        {
            foreach (var vcpu in vm.VcpuList)
            {
                foreach (var gfn in vm.Gfns)
                {
                    if (Still.UsableTlbEntry(vcpu, gfn) != null && IsInvalidated(vm, gfn, out var hva) && hva >= start && hva < end)
                    {
                        world.Fail(VerdictKind.Invariant,
                            $"The start of an invalidation of hva 0x{hva:x} has returned, and {vm}'s vCPU {vcpu.Vcpu.Id} is in guest mode "
                                + $"with gfn {gfn.Value} in its TLB.");
                    }
                }
            }
        }
    }

    private void CheckAccess(int thread, Pfn pfn)
    {
        if (Still.AccessingVcpu(world, thread) is not { } vcpu)
            return;
        if (Still.AccessedGfn(vcpu, pfn) is not { } gfn)
            return;
        var isInvalidated = IsInvalidated(vcpu.Vm, gfn, out var hva);
        world.Schedule.Depends(this, (long)hva.Value, changes: false);
        if (isInvalidated)
        {
            world.Fail(VerdictKind.UseAfterFree,
                $"Between start and end of an invalidation of hva 0x{hva:x} the guest accessed gfn {gfn.Value} of {vcpu.Vm} in frame "
                    + $"{pfn}.");
        }
    }

    private bool IsInvalidated(LabVm vm, Gfn gfn, out Hva hva)
    {
        hva = default;
        if (Still.Slot(vm, gfn) is not { } slot)
            return false;
        hva = slot.GfnToHva(gfn);
        foreach (var (start, end) in _open)
        {
            if (hva >= start && hva < end)
                return true;
        }

        return false;
    }
}
