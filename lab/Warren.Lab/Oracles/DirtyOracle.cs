using Warren.Hypervisor;
using Warren.Hypervisor.DirtyLogging;
using Warren.Hypervisor.Slots;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>
/// Invariant 5: every page written while its slot logs is in the dirty log at least once since: in a harvest that returns after the write,
/// or in what is left in the log at the end. With rings, harvested means harvested and reset: until then the page stays writable.
/// </summary>
internal sealed class DirtyOracle(LabWorld world) : StepMonitor
{
    private readonly List<Page> _unreported = [];
    private readonly List<(LabVm Vm, uint Slot)> _logging = [];

    /// <summary>One entry for each request under way that turns logging off, or takes the slot away, if it succeeds.</summary>
    private readonly List<(LabVm Vm, uint Slot)> _endings = [];
    private readonly List<(Page Page, bool Reported)> _hostWrites = [];

    public override void OnStep(int thread, in CheckStep step, bool succeeded)
    {
        if (step.Operation == CheckOperation.AtomicRead || Still.AccessedFrame(world.Pool, step) is var pfn && pfn.IsNone)
            return;
        if (Still.AccessingVcpu(world, thread) is not { } vcpu || Still.AccessedGfn(vcpu, pfn) is not { } gfn || Still.Slot(vcpu.Vm, gfn)
            is not { } slot)
        {
            return;
        }
        world.Schedule.Depends(this, slot.Id, changes: false);
        if (MustLog(vcpu.Vm, (uint)slot.Id) && !Still.IsAliased(vcpu, pfn))
            Note(new(vcpu.Vm, (uint)slot.Id, gfn - slot.BaseGfn));
    }

    public override void OnEnd()
    {
        foreach (var page in _unreported)
        {
            if (!IsInLog(page))
            {
                world.Fail(VerdictKind.Invariant,
                    $"Page {page.Offset} of slot {page.Slot} of {page.Vm} was written since the last harvest, and is not in the dirty "
                        + $"log.");
            }
        }
    }

    /// <summary>
    /// Before a memslot request: while it is under way nothing need be logged if it turns logging off or takes the slot away.
    /// </summary>
    public void SlotChanges(LabVm vm, in UserMemoryRegion region)
    {
        if (IsEnding(region))
            _endings.Add((vm, region.Slot));
    }

    /// <summary>After it: what is written from here on must be logged if it turned logging on.</summary>
    public void SlotChanged(LabVm vm, in UserMemoryRegion region, bool done)
    {
        world.Schedule.Depends(this, region.Slot, changes: true);
        var key = (vm, region.Slot);
        if (IsEnding(region))
            _endings.Remove(key);
        if (!done)
            return;
        if (!IsEnding(region))
        {
            if (!_logging.Contains(key))
                _logging.Add(key);
            return;
        }

        _logging.Remove(key);
        var slot = region.Slot;
        _unreported.RemoveAll(p => p.Vm == vm && p.Slot == slot);
        _hostWrites.RemoveAll(w => w.Page.Vm == vm && w.Page.Slot == slot);
    }

    private static bool IsEnding(in UserMemoryRegion region) => (region.Flags & MemslotFlags.LogDirtyPages) == 0;

    private bool MustLog(LabVm vm, uint slot) => _logging.Contains((vm, slot)) && !_endings.Contains((vm, slot));

    /// <summary>A harvest that reported these pages has returned.</summary>
    public void Harvested(LabVm vm, uint slot, ulong bits)
    {
        world.Schedule.Depends(this, slot, changes: true);
        for (; bits != 0; bits &= bits - 1)
            Reported(new(vm, slot, (ulong)System.Numerics.BitOperations.TrailingZeroCount(bits)));
    }

    /// <summary>Entries of a ring were harvested, and the reset has returned.</summary>
    public void Harvested(LabVm vm, ReadOnlySpan<DirtyGfn> entries)
    {
        foreach (var entry in entries)
            world.Schedule.Depends(this, entry.Slot, changes: true);
        foreach (var entry in entries)
            Reported(new(vm, entry.Slot, entry.Offset));
    }

    public void HostWriteBegins(LabVm vm, Gfn gfn)
    {
        if (PageOf(vm, gfn) is { } page)
            _hostWrites.Add((page, false));
    }

    public void HostWriteEnded(LabVm vm, Gfn gfn, bool done)
    {
        if (PageOf(vm, gfn) is not { } page || _hostWrites.FindIndex(w => w.Page == page) is not (>= 0 and var at))
            return;
        // A harvest that reported the page since the write began may have had its mark.
        if (done && !_hostWrites[at].Reported)
            Note(page);
        _hostWrites.RemoveAt(at);
    }

    /// <summary>The page that a write of the host is to be logged for, or null: rings alone record only what vCPUs write.</summary>
    private Page? PageOf(LabVm vm, Gfn gfn) =>
        vm.Vm.DirtyLog.UsesBitmap && Still.Slot(vm, gfn) is { } slot && MustLog(vm, (uint)slot.Id)
        ? new Page(vm, (uint)slot.Id, gfn - slot.BaseGfn) : null;

    private void Note(Page page)
    {
        if (!_unreported.Contains(page))
            _unreported.Add(page);
    }

    private void Reported(Page page)
    {
        _unreported.Remove(page);
        for (var i = 0; i < _hostWrites.Count; i++)
        {
            if (_hostWrites[i].Page == page)
                _hostWrites[i] = (page, true);
        }
    }

    private static bool IsInLog(Page page)
    {
        var (vm, slotId, offset) = page;
        if (vm.IsDisposed)
            return true;
        foreach (var slot in vm.Vm.GetMemslots(0))
        {
            if (slot.Id == slotId && slot.DirtyBitmap is { } bitmap && (bitmap.Word((nuint)(offset / 64)) >> (int)(offset % 64) & 1) != 0)
                return true;
        }

        foreach (var vcpu in vm.Vm.VcpuArray)
        {
            if (vcpu.DirtyRing is { } ring && ring.Holds(new DirtyGfn(slotId, offset)))
                return true;
        }

        return false;
    }

    private readonly record struct Page(LabVm Vm, uint Slot, ulong Offset);
}
