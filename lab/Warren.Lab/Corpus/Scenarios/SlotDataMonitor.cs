using Warren.Hypervisor.DirtyLogging;
using Warren.Hypervisor.Slots;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>
/// Each dirty bitmap and each slot's reverse maps that were made belong to one slot, or were given back, when all is quiet, and none is
/// used after it was given back.
/// </summary>
internal sealed class SlotDataMonitor : StepMonitor
{
    private readonly Schedule _schedule;
    private readonly LabVm _vm;
    private readonly List<object> _live = [];
    private readonly List<(nint Start, nint End, string What)> _gone = [];

    /// <summary>To be made when the VM stands: what its slots have by then was made before there were steps.</summary>
    public SlotDataMonitor(Schedule schedule, LabVm vm)
    {
        _schedule = schedule;
        _vm = vm;
        foreach (var (_, data) in SlotData())
            _live.Add(data);
    }

    public override void OnStep(int thread, in CheckStep step, bool succeeded)
    {
        if (step.Operation == CheckOperation.Mark)
        {
            if (ReferenceEquals(step.Mark, LockingMarks.Reused))
            {
                var (from, to) = (step.Offset, step.Offset + (nint)step.Value);
                _gone.RemoveAll(gone => gone.Start < to && from < gone.End);
            }

            if (ReferenceEquals(step.Mark, LockingMarks.Touched))
                Used(step.Offset, (nint)step.Value);
            if (step.Instance is not (DirtyBitmap or SlotRmaps))
                return;
            if (ReferenceEquals(step.Mark, LockingMarks.Reused))
                _live.Add(step.Instance);
            if (ReferenceEquals(step.Mark, LockingMarks.Retired))
            {
                if (!_live.Remove(step.Instance))
                    _schedule.Fail(VerdictKind.UseAfterFree, $"{Name(step.Instance)} is freed a second time.");
                _gone.Add((step.Offset, step.Offset + (nint)step.Value, Name(step.Instance)));
            }
        }
        else if (step.Instance is null)
        {
            Used(step.Offset, 1);
        }
    }

    public override void OnEnd()
    {
        foreach (var (slot, data) in SlotData())
        {
            if (!_live.Remove(data))
                _schedule.Fail(VerdictKind.UseAfterFree, $"{Name(data)} of slot {slot.Id} was freed, or is another slot's.");
        }

        foreach (var left in _live)
            _schedule.Fail(VerdictKind.Invariant, $"{Name(left)} belongs to no slot and was not freed.");
    }

    private static string Name(object data) => data is DirtyBitmap ? "A dirty bitmap" : "A block of reverse maps";

    private List<(Memslot Slot, object Data)> SlotData()
    {
        var found = new List<(Memslot, object)>();
        for (var i = 0; i < _vm.Vm.Options.AddressSpaces; i++)
        {
            foreach (var slot in _vm.Vm.GetMemslots(i))
            {
                if (slot.DirtyBitmap is { } bitmap)
                    found.Add((slot, bitmap));
                if (slot.Rmaps is { } rmaps)
                    found.Add((slot, rmaps));
            }
        }

        return found;
    }

    private void Used(nint start, nint bytes)
    {
        foreach (var (from, to, what) in _gone)
        {
            if (start < to && from < start + bytes)
                _schedule.Fail(VerdictKind.UseAfterFree, $"{what} was used after it was freed.");
        }
    }
}
