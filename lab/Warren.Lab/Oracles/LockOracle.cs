using Warren.Locking;

namespace Warren.Lab;

/// <summary>
/// Invariant 7: every call returns with no lock held and outside every read section, on success and on every error. A call says where it has returned
/// with <see cref="Check.AssertNoneHeld"/>.
/// </summary>
public sealed class LockOracle(Schedule schedule) : IStepMonitor
{
    private readonly List<List<object>> _held = [];

    public void OnStep(int thread, in CheckStep step, bool succeeded)
    {
        switch (step.Operation)
        {
            case CheckOperation.LockAcquire:
            case CheckOperation.SrcuReadLock:
            case CheckOperation.MapEnter:
            case CheckOperation.LockTryAcquire when succeeded:
                Held(thread).Add(step.Instance!);
                break;
            case CheckOperation.LockRelease:
            case CheckOperation.SrcuReadUnlock:
            case CheckOperation.MapLeave:
                var held = Held(thread);
                held.RemoveAt(held.LastIndexOf(step.Instance!));
                break;
            case CheckOperation.AssertNoneHeld when Held(thread) is { Count: > 0 } left:
                schedule.Fail(VerdictKind.LockLeak,
                    $"Thread {schedule.Threads[thread].Name} has returned from a call, or enters the guest, with {string.Join(", ", left.Select(NameOf))} held.");
                break;
        }
    }

    private static string NameOf(object instance) => instance switch
    {
        SpinLock l => l.Class.Name,
        Mutex l => l.Class.Name,
        RwLock l => l.Class.Name,
        RwSemaphore l => l.Class.Name,
        Srcu l => l.Class.Name,
        LockMap l => l.Class.Name,
        _ => instance.ToString()!,
    };

    private List<object> Held(int thread)
    {
        while (_held.Count <= thread)
            _held.Add([]);
        return _held[thread];
    }
}
