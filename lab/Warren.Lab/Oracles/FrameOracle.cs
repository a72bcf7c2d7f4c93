using Warren.HostMemory;
using Warren.Hypervisor;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Slots;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>
/// Invariant 4: a frame is never freed while something maps it, and never written by a VM that shares it. At any time an SPTE maps the
/// frame that the host maps for its page, writable only where the host's entry owns the frame and VMA and slot allow it; and each access of
/// a guest goes to such a frame.
/// </summary>
internal sealed class FrameOracle(LabWorld world) : StepMonitor
{
    public override void OnStep(int thread, in CheckStep step, bool succeeded)
    {
        if (step.Operation == CheckOperation.Mark && ReferenceEquals(step.Mark, HostMemoryMarks.FrameFreed)
            && ReferenceEquals(step.Instance, world.Pool))
        {
            CheckFreed(new Pfn((int)step.Offset));
        }
        else if (Still.ChangesMappings(world, step, succeeded))
        {
            CheckSptes();
        }
        else if (Still.AccessedFrame(world.Pool, step) is var pfn && !pfn.IsNone)
        {
            CheckAccess(thread, pfn, step.Operation != CheckOperation.AtomicRead);
        }
    }

    private void CheckSptes()
    {
        foreach (var vm in world.VmList)
        {
            foreach (var gfn in vm.Gfns)
            {
                foreach (var (leaf, _) in Still.Leaves(vm, gfn))
                {
                    if (Still.Slot(vm, gfn) is { } slot)
                        CheckSpte(vm, gfn, leaf, slot);
                }
            }
        }
    }

    private void CheckSpte(LabVm vm, Gfn gfn, Spte leaf, Memslot slot)
    {
        var entry = world.Memory.Peek(slot.GfnToHva(gfn), out var allowed);
        if (!entry.IsLeaf || entry.Pfn != leaf.Pfn)
        {
            world.Fail(VerdictKind.UseAfterFree,
                $"An SPTE of {vm} maps gfn {gfn.Value} to frame {leaf.Pfn}, and the host maps {entry} there.");
        }
        if (!leaf.Writable)
            return;
        if (!entry.IsOwned)
            world.Fail(VerdictKind.Invariant, $"{vm} may write gfn {gfn.Value} in frame {leaf.Pfn}, which it shares.");
        if ((allowed & VmaProtection.Write) == 0 || slot.IsReadOnly)
        {
            world.Fail(VerdictKind.Invariant,
                $"{vm} may write gfn {gfn.Value}, and {(slot.IsReadOnly ? "its slot" : "the host's mapping")} does not allow it.");
        }
    }

    private unsafe void CheckFreed(Pfn pfn)
    {
        world.Schedule.Depends(this, pfn.Value, changes: true);
        CheckFreedInTlbs(pfn);
        foreach (var vm in world.VmList)
        {
            foreach (var gfn in vm.Gfns)
            {
                foreach (var (leaf, obsolete) in Still.Leaves(vm, gfn))
                {
                    if (leaf.Pfn == pfn)
                    {
                        world.Fail(VerdictKind.UseAfterFree,
                            $"Frame {pfn} is freed, and an SPTE of {vm} maps gfn {gfn.Value} to it ("
                                + $"{leaf}){(obsolete ? ", in an obsolete root" : "")}.");
                    }
                }

                foreach (var vcpu in vm.VcpuList)
                {
                    if (vcpu.Translates)
                        continue;
                    if (Still.UsableTlbEntry(vcpu, gfn) == world.Pool.Pointer(pfn))
                    {
                        world.Fail(VerdictKind.UseAfterFree,
                            $"Frame {pfn} is freed, and {vm}'s vCPU {vcpu.Vcpu.Id} is in guest mode with it in its TLB for gfn "
                                + $"{gfn.Value}.");
                    }
                }
            }
        }
    }

    private unsafe void CheckFreedInTlbs(Pfn pfn)
    {
        foreach (var vm in world.VmList)
        {
            foreach (var vcpu in vm.VcpuList)
            {
                if (vcpu.Translates && Still.CanUse(vcpu, world.Pool.Pointer(pfn)))
                {
                    world.Fail(VerdictKind.UseAfterFree,
                        $"Frame {pfn} is freed, and {vm}'s vCPU {vcpu.Vcpu.Id} is in guest mode with it in its TLB.");
                }
            }
        }
    }

    private void CheckAccess(int thread, Pfn pfn, bool write)
    {
        if (Still.AccessingVcpu(world, thread) is not { } vcpu)
            return;
        world.Schedule.Depends(this, pfn.Value, changes: false);
        if (Still.AccessedGfn(vcpu, pfn) is not { } gfn)
        {
            // On the guest's behalf, in its tables: a store needs more than a reference.
            if (write && !Still.IsMapped(vcpu.Vm, pfn))
            {
                world.Fail(VerdictKind.UseAfterFree,
                    $"For the guest of {vcpu.Vm} something was stored in frame {pfn}, which the host maps at none of its pages.");
            }
            return;
        }

        if (Still.Slot(vcpu.Vm, gfn) is not { } slot)
        {
            world.Fail(VerdictKind.UseAfterFree,
                $"The guest accessed gfn {gfn.Value} of {vcpu.Vm} in frame {pfn}, and no memslot holds it.");
            return;
        }

        var entry = world.Memory.Peek(slot.GfnToHva(gfn), out _);
        if (!entry.IsLeaf || entry.Pfn != pfn)
        {
            world.Fail(VerdictKind.UseAfterFree,
                $"The guest accessed gfn {gfn.Value} of {vcpu.Vm} in frame {pfn}, and the host maps {entry} there.");
        }
        else if (write && !entry.IsOwned)
        {
            world.Fail(VerdictKind.Invariant, $"The guest wrote gfn {gfn.Value} of {vcpu.Vm} in frame {pfn}, which it shares.");
        }
    }
}
