using Warren.HostMemory;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>
/// Invariant 2: counts of invalidations never go negative, and are back at zero when nothing is in flight. Also of references: at the end
/// each frame in use has as many as page tables and caches hold.
/// </summary>
internal sealed class CountOracle(LabWorld world) : StepMonitor
{
    private int _open;

    public override void OnStep(int thread, in CheckStep step, bool succeeded)
    {
        if (step.Operation == CheckOperation.Mark)
        {
            if (ReferenceEquals(step.Mark, HostMemoryMarks.InvalidationStarted))
                _open++;
            else if (ReferenceEquals(step.Mark, HostMemoryMarks.InvalidationEnded) && --_open < 0)
                world.Fail(VerdictKind.UnbalancedNotification, "An invalidation has ended that never started.");
        }
        else if (step.Operation != CheckOperation.LockRelease)
        {
            return;
        }

        foreach (var vm in world.VmList)
        {
            var count = vm.Vm.Invalidation.InProgress;
            if (count < 0)
                world.Fail(VerdictKind.UnbalancedNotification, $"{vm} counts {count} invalidations in progress.");
        }
    }

    public override void OnEnd()
    {
        if (_open != 0)
            world.Fail(VerdictKind.UnbalancedNotification, $"All threads have ended, and {_open} invalidations have not.");
        if (world.Memory.Notifiers.Active is var active && active != 0)
            world.Fail(VerdictKind.UnbalancedNotification, $"Nothing is in flight, and the address space counts {active} invalidations.");
        foreach (var vm in world.VmList)
        {
            if (!vm.IsDisposed && vm.Vm.Invalidation.InProgress is var count && count != 0)
            {
                world.Fail(VerdictKind.UnbalancedNotification,
                    $"Nothing is in flight, and {vm} counts {count} invalidations in progress: faults would retry for ever.");
            }
        }

        CountFrames();
    }

    private void CountFrames()
    {
        var used = world.CachedFrames;
        foreach (var (start, end) in world.Mapped)
        {
            for (var hva = start; hva < end; hva += LabWorld.PageSize)
            {
                var entry = world.Memory.Peek(hva, out _);
                if (!entry.IsLeaf || entry.Pfn.Value <= world.CachedFrames)
                    continue;
                used++;
                if (world.Pool.Info(entry.Pfn).RefCount is var references && references != 1)
                    world.Fail(VerdictKind.Invariant, $"Frame {entry.Pfn} has {references} references, and one page table entry.");
            }
        }

        if (world.Pool.FramesInUse != used)
            world.Fail(VerdictKind.Invariant, $"{world.Pool.FramesInUse} frames are in use, and page tables and caches hold {used}.");
    }
}
