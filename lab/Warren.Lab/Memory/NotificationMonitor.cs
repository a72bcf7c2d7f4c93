using System.Globalization;
using Warren.HostMemory;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>
/// Every invalidation that started ends once, and none ends that had not started or was refused. Follows the marks of
/// <see cref="HostMemoryMarks"/>, hence only invalidations that start on a thread of the schedule.
/// </summary>
internal sealed class NotificationMonitor(ScheduleState state)
{
    private readonly List<(object? Notifiers, nint Start, long End, int Thread, long Step)> _open = [];

    internal void Reset() => _open.Clear();

    internal void OnMark(int thread, in CheckStep step)
    {
        if (step.Mark == HostMemoryMarks.InvalidationStarted)
            _open.Add((step.Instance, step.Offset, step.Value, thread, AccessSite.Of(state).Step));
        else if (step.Mark == HostMemoryMarks.InvalidationEnded)
            End(thread, step);
    }

    internal void OnEnd()
    {
        if (_open.Count == 0)
            return;
        var (_, start, end, thread, step) = _open[0];
        state.Fail(new Verdict(VerdictKind.UnbalancedNotification,
            string.Create(CultureInfo.InvariantCulture,
                $"The invalidation of [0x{start:x}, 0x{end:x}) that {state[thread].Name} started at step {step} never ended."),
            "Its VMs keep their count up: every fault in the range retries for ever."));
    }

    private void End(int thread, in CheckStep step)
    {
        for (var i = _open.Count - 1; i >= 0; i--)
        {
            if (ReferenceEquals(_open[i].Notifiers, step.Instance) && _open[i].Start == step.Offset && _open[i].End == step.Value)
            {
                _open.RemoveAt(i);
                return;
            }
        }

        state.Fail(new Verdict(VerdictKind.UnbalancedNotification,
            string.Create(CultureInfo.InvariantCulture,
                $"{state[thread].Name} ends an invalidation of [0x{step.Offset:x}, 0x{step.Value:x}) that is not open: it was refused, "
                    + $"ended before, or never started."),
            "A count that was not raised goes down: the next invalidation is not waited for, and a fault may map what is being freed."));
    }
}
