using Warren.Locking;
using SemaphoreSlim = System.Threading.SemaphoreSlim;
using Thread = System.Threading.Thread;
using Volatile = System.Threading.Volatile;

namespace Warren.Machines.Scheduling;

/// <summary>
/// A few dedicated threads that run the vCPUs of one or many machines, in the order they became runnable. A vCPU that is halted is in no
/// queue and owns no thread. Threads are started as vCPUs are added and end with <see cref="Dispose"/>, which must come after
/// the last machine's.
/// </summary>
public sealed class VcpuPool : IDisposable
{
    private readonly SpinLock _lock = new(BoardLocks.RunQueue);
    private readonly SemaphoreSlim _parked = new(0);
    private readonly List<Thread> _threads = [];
    private readonly string _name;
    private readonly int _maxThreads;
    private VcpuRunner? _first;
    private VcpuRunner? _last;
    private int _queued;
    private int _idle;
    private bool _stopping;

    /// <param name="maxThreads">Most threads at a time; 0 for one a processor.</param>
    /// <param name="name">Begins the names of the threads.</param>
    public VcpuPool(int maxThreads = 0, string name = "warren")
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maxThreads);
        _maxThreads = maxThreads == 0 ? Environment.ProcessorCount : maxThreads;
        _name = name;
        Timers = new TimerQueue(name + "-timer");
    }

    /// <summary>Threads running or parked now, the timer's not counted.</summary>
    public int ThreadCount
    {
        get
        {
            _lock.Lock();
            var count = _threads.Count;
            _lock.Unlock();
            return count;
        }
    }

    internal TimerQueue Timers { get; }

    /// <summary>True when some vCPU waits for a thread: whoever has had its slice should go to the end of the queue.</summary>
    internal bool HasWaiting => Volatile.Read(ref _queued) != 0;

    /// <summary>
    /// One vCPU more: starts a thread for it unless there are enough. Not when it becomes runnable, since a device's lock may be held there
    /// and the start of a thread waits for the host.
    /// </summary>
    internal void Admit()
    {
        Check.MightWait(WaitContext.Block);
        Thread? starting = null;
        _lock.Lock();
        if (_threads.Count < _maxThreads && !_stopping)
        {
            starting = new Thread(Work) { Name = $"{_name}-worker-{_threads.Count}", IsBackground = true };
            _threads.Add(starting);
        }
        _lock.Unlock();
        starting?.Start();
    }

    /// <summary>
    /// Puts a vCPU at the end of the queue. Waits for nobody: a spinning lock may be held. It must not be in the queue, nor running.
    /// </summary>
    internal void Enqueue(VcpuRunner runner)
    {
        var wake = false;
        _lock.Lock();
        runner.NextInQueue = null;
        if (_last is null)
            _first = runner;
        else
            _last.NextInQueue = runner;
        _last = runner;
        _queued++;
        if (_idle > 0)
        {
            // Whoever wakes a thread also counts it as busy, so that two wakers never count on the same one.
            _idle--;
            wake = true;
        }
        _lock.Unlock();
        if (wake)
            _parked.Release();
    }

    public void Dispose()
    {
        _lock.Lock();
        _stopping = true;
        var idle = _idle;
        _idle = 0;
        Thread[] threads = [.. _threads];
        _lock.Unlock();
        if (idle > 0)
            _parked.Release(idle);
        Check.MightWait(WaitContext.Block);
        foreach (var thread in threads)
            thread.Join();
        Timers.Dispose();
        _parked.Dispose();
    }

    private void Work()
    {
        while (true)
        {
            _lock.Lock();
            var runner = _first;
            if (runner is not null)
            {
                _first = runner.NextInQueue;
                if (_first is null)
                    _last = null;
                _queued--;
            }
            else if (_stopping)
            {
                _lock.Unlock();
                return;
            }
            else
            {
                _idle++;
            }
            _lock.Unlock();
            if (runner is null)
                _parked.Wait();
            else
                runner.RunUntilIdle();
            Check.AssertNoneHeld();
        }
    }
}
