using Warren.Hypervisor;
using Warren.Hypervisor.Slots;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>
/// Invariant 3: after the deletion or the move of a memslot has returned nothing refers to it: no SPTE of any root, no usable TLB entry, no
/// reader inside a section that began before the new set was published. At any time an SPTE stands only where a published slot is.
/// </summary>
internal sealed class RemovalOracle(LabWorld world) : StepMonitor
{
    private readonly List<Published> _published = [];
    private readonly List<(int Thread, object Srcu, long Since)> _readers = [];
    private long _now;

    public override void OnStep(int thread, in CheckStep step, bool succeeded)
    {
        _now++;
        switch (step.Operation)
        {
            case CheckOperation.SrcuReadLock:
                _readers.Add((thread, step.Instance!, _now));
                return;
            case CheckOperation.SrcuReadUnlock:
                var srcu = step.Instance!;
                _readers.RemoveAt(_readers.FindLastIndex(r => r.Thread == thread && r.Srcu == srcu));
                return;
        }

        if (!Still.AccessedFrame(world.Pool, step).IsNone && Still.AccessingVcpu(world, thread) is { } vcpu)
            world.Schedule.Depends(vcpu.Vm, 0, changes: false);
        if (!Still.ChangesMappings(world, step, succeeded))
            return;
        NotePublished();
        CheckSptes();
        if (step.Operation == CheckOperation.Mark
            && (ReferenceEquals(step.Mark, HypervisorMarks.MemslotDeleted) || ReferenceEquals(step.Mark, HypervisorMarks.MemslotMoved)))
        {
            foreach (var vm in world.VmList)
            {
                if (ReferenceEquals(vm.Vm, step.Instance))
                    CheckRemoved(vm, (int)step.Offset);
            }
        }
    }

    private void NotePublished()
    {
        while (_published.Count < world.VmList.Count)
            _published.Add(new(world.VmList[_published.Count].Vm.GetMemslots(0), 0));
        for (var i = 0; i < _published.Count; i++)
        {
            var current = world.VmList[i].Vm.GetMemslots(0);
            if (!ReferenceEquals(current, _published[i].Set))
                _published[i] = new(current, _now);
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
                    if (Still.Slot(vm, gfn) is null)
                    {
                        world.Fail(VerdictKind.Invariant,
                            $"No memslot of {vm} holds gfn {gfn.Value}, and an SPTE maps it "
                                + $"({leaf}){(obsolete ? ", in an obsolete root" : "")}.");
                    }
                }
            }
        }
    }

    private unsafe void CheckRemoved(LabVm vm, int slot)
    {
        world.Schedule.Depends(vm, 0, changes: true);
        foreach (var vcpu in vm.VcpuList)
        {
            foreach (var gfn in vm.Gfns)
            {
                if (Still.UsableTlbEntry(vcpu, gfn) != null && Still.Slot(vm, gfn) is null)
                {
                    world.Fail(VerdictKind.Invariant,
                        $"Slot {slot} of {vm} is gone, and vCPU {vcpu.Vcpu.Id} is in guest mode with its gfn {gfn.Value} in the TLB.");
                }
            }
        }

        var published = _published[world.VmList.IndexOf(vm)].At;
        foreach (var (thread, srcu, since) in _readers)
        {
            if (ReferenceEquals(srcu, vm.Vm.Srcu) && since < published)
            {
                world.Fail(VerdictKind.UseAfterFree,
                    $"Slot {slot} of {vm} is gone, and thread {world.Schedule.Threads[thread].Name} is still inside a read section that "
                        + $"may have found it.");
            }
        }
    }

    private readonly record struct Published(Memslots Set, long At);
}
