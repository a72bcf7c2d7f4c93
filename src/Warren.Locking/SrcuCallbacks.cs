using System.Threading;

namespace Warren.Locking;

/// <summary>Callbacks after a grace period (call_srcu, srcu_barrier): batched, in order, on a thread of the pool.</summary>
public sealed unsafe partial class Srcu
{
    private readonly Lock _callbackLock = new();
    private List<(Action<object?> Callback, object? State)> _pending = [];
    private bool _draining;

    /// <summary>
    /// Runs <paramref name="callback"/> once every read section that exists now has ended. Never waits and may be called inside a
    /// read section and under a spinning lock. The callback runs on another thread, after those queued before it, and
    /// must not throw or call <see cref="Barrier"/>.
    /// </summary>
    public void Call(Action<object?> callback, object? state)
    {
        ArgumentNullException.ThrowIfNull(callback);
        if (Check.On)
            Check.Point(new CheckStep(CheckOperation.SrcuCall, LockMode.None, Class, this));
        bool start;
        lock (_callbackLock)
        {
            _pending.Add((callback, state));
            start = !_draining;
            _draining = true;
        }

        if (start && !(Check.On && Check.Hook.Offload(RunCallbacks)))
            ThreadPool.UnsafeQueueUserWorkItem(static self => self.RunCallbacks(), this, preferLocal: false);
    }

    /// <summary>Waits until every callback queued before this call has run. Not from a callback, not inside a read section.</summary>
    public void Barrier()
    {
        if (Check.Steps)
            Check.Point(new CheckStep(CheckOperation.SrcuCallbacks, LockMode.None, Class, this));
        lock (_callbackLock)
        {
            if (!_draining)
                return;
        }

        var done = new BarrierState();
        Call(static state => ((BarrierState)state!).Complete(), done);
        var step = default(CheckStep);
        if (Check.On)
        {
            step = new CheckStep(CheckOperation.SrcuBarrier, LockMode.None, Class, this, context: WaitContext.Sleep);
            Check.Hook.Before(step);
            while (Volatile.Read(ref done.Done) == 0 && Check.Hook.Wait(step))
            {
            }
        }

        done.Parker.Park(ref done.Done);
        if (Check.On)
            Check.Hook.After(step, true);
    }

    private void RunCallbacks()
    {
        var batch = new List<(Action<object?> Callback, object? State)>();
        while (true)
        {
            if (Check.Steps)
            {
                Check.Point(new CheckStep(CheckOperation.SrcuCallbacks, LockMode.None, Class, this));
                // Taking the lock is a full fence, which an explorer does not see.
                Check.Hook.PerformPending();
            }

            lock (_callbackLock)
            {
                if (_pending.Count == 0)
                {
                    _draining = false;
                    return;
                }

                (batch, _pending) = (_pending, batch);
            }

            Synchronize();
            foreach (var (callback, state) in batch)
                callback(state);
            batch.Clear();
        }
    }

    private sealed class BarrierState
    {
        internal readonly Parker Parker = new();
        internal int Done;

        internal void Complete()
        {
            // Behind what the callbacks stored, by the order of stores.
            if (Check.Steps)
                Check.Hook.PerformPending();
            Volatile.Write(ref Done, 1);
            Parker.Unpark();
        }
    }
}
