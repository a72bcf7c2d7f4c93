using Warren.HostMemory;
using Warren.Hypervisor;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>
/// Looks at production state without taking a step or a lock, as an oracle may while every thread stands still: the SPTEs, TLB entries and
/// slots of a page, and what the host maps there.
/// </summary>
internal static unsafe class Still
{
    [ThreadStatic]
    private static List<PeekedLeaf>? s_leaves;

    /// <summary>Every leaf that maps gfn, in whatever root; good until the next call on this thread.</summary>
    public static List<PeekedLeaf> Leaves(LabVm vm, ulong gfn)
    {
        var leaves = s_leaves ??= [];
        leaves.Clear();
        vm.Vm.Mmu.PeekLeaves(gfn, leaves);
        return leaves;
    }

    /// <summary>
    /// The page behind an entry of the vCPU's TLB that the guest can use now: it is in guest mode, and nothing tells it to flush before
    /// the next instruction. Null when there is none.
    /// </summary>
    public static byte* UsableTlbEntry(LabVcpu vcpu, ulong gfn)
    {
        var state = vcpu.Vcpu.State;
        if ((state->Mode & 3) == (ulong)VcpuMode.OutsideGuestMode)
            return null;
        var flushes = VcpuRequest.TlbFlush.Bit() | VcpuRequest.FreeObsoleteRoots.Bit() | VcpuRequest.VmDead.Bit();
        return (state->RequestWord & flushes) != 0 ? null : vcpu.Engine.Tlb.Lookup(gfn * LabWorld.PageSize, write: false);
    }

    /// <summary>The slot that holds gfn as published now, valid or not.</summary>
    public static Memslot? Slot(LabVm vm, ulong gfn) => vm.Vm.GetMemslots(0).Find(gfn);

    /// <summary>
    /// Whether a step may have changed a table of a VM, a host page table, or a published set of slots: an atomic store outside of guest memory, frame
    /// metadata and vCPU states.
    /// </summary>
    public static bool ChangesMappings(LabWorld world, in CheckStep step, bool succeeded)
    {
        if (step.Operation is not (CheckOperation.AtomicWrite or CheckOperation.AtomicUpdate) || !succeeded)
            return step.Operation is CheckOperation.Mark;
        if (step.Instance is not null)
            return step.Instance is not (InvalidationState or LabWorld);
        var address = (byte*)step.Offset;
        if (address >= world.Pool.Base && address < (byte*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref world.Pool.Info(world.Pool.Capacity)))
            return false;
        foreach (var vm in world.VmList)
        {
            foreach (var vcpu in vm.VcpuList)
            {
                if ((nuint)(address - (byte*)vcpu.Vcpu.State) < (nuint)sizeof(VcpuState))
                    return false;
            }
        }

        return true;
    }

    /// <summary>The frame of guest memory that a step accessed, or 0.</summary>
    public static int AccessedFrame(FramePool pool, in CheckStep step)
    {
        if (step.Instance is not null || step.Operation is not (CheckOperation.AtomicRead or CheckOperation.AtomicWrite or CheckOperation.AtomicUpdate))
            return 0;
        var offset = (nuint)((byte*)step.Offset - pool.Base);
        return offset < (nuint)pool.Capacity << FramePool.PageShift ? (int)(offset >> FramePool.PageShift) : 0;
    }

    /// <summary>The vCPU on which the thread executes an instruction, or null.</summary>
    public static LabVcpu? AccessingVcpu(LabWorld world, int thread)
    {
        foreach (var vm in world.VmList)
        {
            foreach (var vcpu in vm.VcpuList)
            {
                if (vcpu.AccessingThread == thread)
                    return vcpu;
            }
        }

        return null;
    }
}
