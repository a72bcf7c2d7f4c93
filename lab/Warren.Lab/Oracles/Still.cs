using Warren.HostMemory;
using Warren.Hypervisor;
using Warren.Hypervisor.Invalidation;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Slots;
using Warren.Hypervisor.Vcpus;
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
    public static List<PeekedLeaf> Leaves(LabVm vm, Gfn gfn)
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
    public static byte* UsableTlbEntry(LabVcpu vcpu, Gfn gfn)
    {
        var state = vcpu.Vcpu.State;
        if ((state->Mode & 3) == (ulong)VcpuMode.OutsideGuestMode)
            return null;
        if (vcpu.Translates)
            return UsableTlbEntryTo(vcpu, gfn);
        var flushes = VcpuRequest.TlbFlush.Bit() | VcpuRequest.FreeObsoleteRoots.Bit() | VcpuRequest.VmDead.Bit();
        return (state->RequestWord & flushes) != 0 ? null : vcpu.Engine.Tlb.Lookup(gfn.Value * LabWorld.PageSize, write: false);
    }

    /// <summary>True when the guest can use a page now out of the vCPU's TLB, whatever address it has there.</summary>
    public static bool CanUse(LabVcpu vcpu, byte* page)
    {
        var state = vcpu.Vcpu.State;
        var flushes = VcpuRequest.TlbFlush.Bit() | VcpuRequest.FreeObsoleteRoots.Bit() | VcpuRequest.VmDead.Bit();
        return (state->Mode & 3) != (ulong)VcpuMode.OutsideGuestMode && (state->RequestWord & flushes) == 0 && vcpu.Engine.Tlb.Holds(page);
    }

    /// <summary>
    /// As <see cref="UsableTlbEntry"/> where tables of the guest say which address leads to a gfn: by the frame that the host has for it
    /// now.
    /// </summary>
    private static byte* UsableTlbEntryTo(LabVcpu vcpu, Gfn gfn)
    {
        if (Slot(vcpu.Vm, gfn) is not { } slot || vcpu.Vm.Vm.Memory.Peek(slot.GfnToHva(gfn), out _) is not { IsLeaf: true } entry)
            return null;
        var page = vcpu.Vm.Vm.Pool.Pointer(entry.Pfn);
        return CanUse(vcpu, page) ? page : null;
    }

    /// <summary>
    /// The page of guest memory that an access of the vCPU to a frame means: that of its instruction, or with tables of the guest the one
    /// the host has the frame for (one that no page has any more is the instruction's, too). Null: not the guest's access, but a walk of
    /// its tables on its behalf, which holds the frame.
    /// </summary>
    public static Gfn? AccessedGfn(LabVcpu vcpu, Pfn pfn)
    {
        if (!vcpu.Translates)
            return new Gfn(vcpu.Current.Gfn);
        if ((vcpu.Vcpu.State->Mode & 3) == (ulong)VcpuMode.OutsideGuestMode)
            return null;
        foreach (var gfn in vcpu.Vm.Gfns)
        {
            if (Slot(vcpu.Vm, gfn) is { } slot && vcpu.Vm.Vm.Memory.Peek(slot.GfnToHva(gfn), out _) is { IsLeaf: true } entry
                && entry.Pfn == pfn)
            {
                return gfn;
            }
        }

        return new Gfn(vcpu.Current.Gfn);
    }

    /// <summary>
    /// True where the frame alone does not tell which page is meant: the vCPU has tables of the guest, and the host has the frame for
    /// several pages of the VM.
    /// </summary>
    public static bool IsAliased(LabVcpu vcpu, Pfn pfn)
    {
        if (!vcpu.Translates)
            return false;
        var pages = 0;
        foreach (var gfn in vcpu.Vm.Gfns)
        {
            if (Slot(vcpu.Vm, gfn) is { } slot && vcpu.Vm.Vm.Memory.Peek(slot.GfnToHva(gfn), out _) is { IsLeaf: true } entry
                && entry.Pfn == pfn)
            {
                pages++;
            }
        }

        return pages > 1;
    }

    /// <summary>True when the host has the frame for any page of the VM now.</summary>
    public static bool IsMapped(LabVm vm, Pfn pfn)
    {
        foreach (var gfn in vm.Gfns)
        {
            if (Slot(vm, gfn) is { } slot && vm.Vm.Memory.Peek(slot.GfnToHva(gfn), out _) is { IsLeaf: true } entry && entry.Pfn == pfn)
                return true;
        }

        return false;
    }

    /// <summary>The slot that holds gfn as published now, valid or not.</summary>
    public static Memslot? Slot(LabVm vm, Gfn gfn) => vm.Vm.GetMemslots(0).Find(gfn);

    /// <summary>
    /// True when a step may have changed a table of a VM, a host page table, or a published set of slots: an atomic store outside of guest
    /// memory, frame metadata and vCPU states.
    /// </summary>
    public static bool ChangesMappings(LabWorld world, in CheckStep step, bool succeeded)
    {
        if (step.Operation is not (CheckOperation.AtomicWrite or CheckOperation.AtomicUpdate) || !succeeded)
            return step.Operation is CheckOperation.Mark;
        if (step.Instance is not null)
            return step.Instance is not (InvalidationState or LabWorld);
        var address = (byte*)step.Offset;
        if (address >= world.Pool.Base && address
            < (byte*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref world.Pool.Info(new Pfn(world.Pool.Capacity))))
        {
            return false;
        }
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

    /// <summary>The frame of guest memory that a step accessed, or none.</summary>
    public static Pfn AccessedFrame(FramePool pool, in CheckStep step)
    {
        if (step.Instance is not null || step.Operation
            is not (CheckOperation.AtomicRead or CheckOperation.AtomicWrite or CheckOperation.AtomicUpdate))
        {
            return Pfn.None;
        }
        var offset = (nuint)((byte*)step.Offset - pool.Base);
        return offset < (nuint)pool.Capacity << FramePool.PageShift ? new Pfn((int)(offset >> FramePool.PageShift)) : Pfn.None;
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
