using System.Globalization;
using Warren.HostMemory;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>
/// Finds uses of what is gone: an object or native memory after <see cref="LockingMarks.Retired"/>, which comes behind the grace period of
/// its readers, and a frame between <see cref="HostMemoryMarks.FrameFreed"/> and its next allocation. Only steps are seen.
/// </summary>
internal sealed class LifetimeMonitor(ScheduleState state)
{
    private readonly record struct Gone(nint Start, nint End, object? Subject, int Thread, AccessSite Site);

    private readonly List<Gone> _retired = [];
    private readonly Dictionary<object, Gone> _objects = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<(FramePool Pool, int Frame), Gone> _frames = [];
    private readonly List<FramePool> _pools = [];

    /// <summary>Something is gone: steps may use it.</summary>
    internal bool KnowsOfAny { get; private set; }

    internal void Reset()
    {
        if (!KnowsOfAny)
            return;
        KnowsOfAny = false;
        _retired.Clear();
        _objects.Clear();
        _frames.Clear();
        _pools.Clear();
    }

    internal void OnStep(int thread, in CheckStep step)
    {
        if (step.Operation == CheckOperation.Mark)
        {
            OnMark(thread, step);
            return;
        }

        if (step.Instance is { } instance)
        {
            if (_objects.Count != 0 && _objects.TryGetValue(instance, out var gone))
                Report(thread, step.Operation, gone, $"an object of {instance.GetType().Name}");
        }
        else if (step.Operation is CheckOperation.AtomicRead or CheckOperation.AtomicWrite or CheckOperation.AtomicUpdate
            or CheckOperation.PlainRead or CheckOperation.PlainWrite)
        {
            Access(thread, step.Operation, step.Offset, 1);
        }
    }

    /// <summary>A store leaves the store buffer: what it writes to may be gone by now.</summary>
    internal void OnPerformed(int thread, in PendingStore store)
    {
        if (store.Owner is null)
            Access(thread, CheckOperation.AtomicWrite, store.Offset, store.Size);
    }

    private void OnMark(int thread, in CheckStep step)
    {
        if (step.Mark == LockingMarks.Retired)
        {
            KnowsOfAny = true;
            var gone = new Gone(step.Offset, step.Offset + (nint)step.Value, step.Instance, thread, Site());
            if (step.Offset != 0)
                _retired.Add(gone);
            else if (step.Instance is { } subject)
                _objects[subject] = gone;
        }
        else if (step.Mark == LockingMarks.Reused)
        {
            var (start, end) = (step.Offset, step.Offset + (nint)step.Value);
            if (_retired.Count != 0)
                _retired.RemoveAll(r => r.Start < end && start < r.End);
        }
        else if (step.Mark == LockingMarks.Touched)
        {
            Access(thread, CheckOperation.PlainRead, step.Offset, step.Value);
        }
        else if (step.Mark == HostMemoryMarks.FrameFreed && step.Instance is FramePool pool)
        {
            KnowsOfAny = true;
            if (!_pools.Contains(pool))
                _pools.Add(pool);
            _frames[(pool, (int)step.Offset)] = new Gone(0, 0, null, thread, Site());
        }
        else if (step.Mark == HostMemoryMarks.FrameAllocated && step.Instance is FramePool owner && _frames.Count != 0)
        {
            _frames.Remove((owner, (int)step.Offset));
        }
    }

    private unsafe void Access(int thread, CheckOperation operation, nint address, long bytes)
    {
        var end = address + (nint)bytes;
        foreach (var gone in _retired)
        {
            if (gone.Start < end && address < gone.End)
            {
                Report(thread, operation, gone,
                    string.Create(CultureInfo.InvariantCulture,
                        $"native memory of {gone.Subject?.GetType().Name ?? "nobody"} (byte {address - gone.Start} of "
                            + $"{gone.End - gone.Start})"));
            }
        }

        if (_frames.Count == 0)
            return;
        foreach (var pool in _pools)
        {
            var offset = (byte*)address - pool.Base;
            if (offset < 0 || offset >= (long)pool.Capacity << FramePool.PageShift)
                continue;
            var frame = (int)(offset >> FramePool.PageShift);
            if (_frames.TryGetValue((pool, frame), out var gone))
            {
                Report(thread, operation, gone,
                    string.Create(CultureInfo.InvariantCulture, $"frame {frame} (byte {offset & (FramePool.PageSize - 1)})"));
            }
        }
    }

    private void Report(int thread, CheckOperation operation, in Gone gone, string what)
    {
        var does = operation is CheckOperation.AtomicRead or CheckOperation.PlainRead ? "read"
            : operation is CheckOperation.AtomicWrite or CheckOperation.PlainWrite ? "wrote" : "used";
        var (user, owner) = (state[thread].Name, state[gone.Thread].Name);
        var now = Site();
        state.Fail(new Verdict(VerdictKind.UseAfterFree,
            $"Use after free: {user} {does} {what}, which {owner} had freed.",
            string.Join('\n',
            [
                gone.Site.Line(owner, "freed it"),
                now.Line(user, $"{does} it"),
                "Whoever still holds a pointer must be waited for before the memory goes: a grace period for readers, a remote flush for "
                    + "vCPUs in guest mode.",
            ])));
    }


    private AccessSite Site() => AccessSite.Of(state);
}
