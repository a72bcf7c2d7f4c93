using Warren.Hypervisor;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>Each dirty bitmap that was made belongs to a slot or was given back when all is quiet, and none is used after it was given back.</summary>
internal sealed class BitmapMonitor(Schedule schedule, LabVm vm) : IStepMonitor
{
    private readonly List<DirtyBitmap> _live = [];
    private readonly List<(nint Start, nint End)> _gone = [];

    public void OnStep(int thread, in CheckStep step, bool succeeded)
    {
        if (step.Operation == CheckOperation.Mark)
        {
            if (step.Instance is not DirtyBitmap bitmap)
                return;
            if (ReferenceEquals(step.Mark, LockingMarks.Reused))
                _live.Add(bitmap);
            if (ReferenceEquals(step.Mark, LockingMarks.Retired))
            {
                _live.Remove(bitmap);
                _gone.Add((step.Offset, step.Offset + (nint)step.Value));
            }
        }
        else if (step.Instance is null)
        {
            foreach (var (start, end) in _gone)
            {
                if (step.Offset >= start && step.Offset < end)
                    schedule.Fail(VerdictKind.UseAfterFree, "A dirty bitmap was used after it was freed.");
            }
        }
    }

    public void OnEnd()
    {
        foreach (var slot in vm.Vm.GetMemslots(0))
        {
            if (slot.DirtyBitmap is { } bitmap)
                _live.Remove(bitmap);
        }

        if (_live.Count != 0)
            schedule.Fail(VerdictKind.Invariant, $"{_live.Count} dirty bitmaps belong to no slot and were not freed.");
    }
}
