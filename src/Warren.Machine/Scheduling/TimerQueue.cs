using Warren.Locking;
using Thread = System.Threading.Thread;

namespace Warren.Machines.Scheduling;

/// <summary>
/// Something with a deadline in a <see cref="TimerQueue"/>. One object is armed over and over: nothing is allocated by arming it.
/// </summary>
internal abstract class TimerEntry
{
    internal const int NotQueued = -1;

    internal long Deadline = long.MaxValue;
    internal int HeapIndex = NotQueued;

    /// <summary>A new deadline was set, which has not come. Called under the queue's lock.</summary>
    protected internal virtual void Armed()
    {
    }

    /// <summary>The deadline has come. Called under the queue's lock, so that no later arming or disarming can be overtaken.</summary>
    protected internal abstract void Expired();

    /// <summary>Called after <see cref="Expired"/>, without the lock: whatever must take locks of its own.</summary>
    protected internal abstract void Announce();
}

/// <summary>
/// The deadlines of all harts and devices of a pool's machines, in a binary heap, and the one thread that waits for the first of them.
/// Times are those of <see cref="HostClock"/>.
/// </summary>
internal sealed class TimerQueue : IDisposable
{
    private const long Never = long.MaxValue;

    private readonly SpinLock _lock = new(BoardLocks.Timer);
    private readonly PreciseSleeper _sleeper = new();
    private readonly Thread _thread;
    private TimerEntry[] _heap = new TimerEntry[64];
    private int _count;
    private long _sleepsUntil;
    private bool _stopping;

    public TimerQueue(string name)
    {
        _thread = new Thread(Run) { Name = name, IsBackground = true };
        _thread.Start();
    }

    /// <summary>
    /// Sets the deadline of an entry, replacing the one it had; <see cref="long.MaxValue"/> for none. A deadline that has passed
    /// expires at once, on this thread.
    /// </summary>
    public void Arm(TimerEntry entry, long deadline)
    {
        if (deadline > HostClock.Nanoseconds)
        {
            ArmAhead(entry, deadline);
            return;
        }
        _lock.Lock();
        Remove(entry);
        entry.Expired();
        _lock.Unlock();
        entry.Announce();
    }

    /// <summary>
    /// As <see cref="Arm"/>, but even a deadline that has passed expires on the timer's thread: the caller may hold locks.
    /// </summary>
    public void ArmAhead(TimerEntry entry, long deadline)
    {
        _lock.Lock();
        entry.Armed();
        if (deadline == Never)
            Remove(entry);
        else
            Insert(entry, deadline);
        var interrupt = !_stopping && _count > 0 && _heap[0].Deadline < _sleepsUntil;
        if (interrupt)
            _sleepsUntil = _heap[0].Deadline;
        _lock.Unlock();
        if (interrupt)
            _sleeper.Interrupt();
    }

    /// <summary>
    /// Takes an entry out. When this returns it neither is nor will be expiring under the lock; an announcement may still run.
    /// </summary>
    public void Disarm(TimerEntry entry)
    {
        _lock.Lock();
        Remove(entry);
        _lock.Unlock();
    }

    public void Dispose()
    {
        _lock.Lock();
        _stopping = true;
        _lock.Unlock();
        _sleeper.Interrupt();
        _thread.Join();
        _sleeper.Dispose();
    }

    private void Run()
    {
        while (true)
        {
            TimerEntry? due = null;
            long wait = -1;
            _lock.Lock();
            if (_stopping)
            {
                _lock.Unlock();
                return;
            }
            if (_count == 0)
            {
                _sleepsUntil = Never;
            }
            else if (_heap[0].Deadline is var first && first - HostClock.Nanoseconds is var left && left > 0)
            {
                _sleepsUntil = first;
                wait = left;
            }
            else
            {
                due = _heap[0];
                Remove(due);
                due.Expired();
            }
            _lock.Unlock();
            if (due is null)
                _sleeper.Sleep(wait);
            else
                due.Announce();
        }
    }

    private void Insert(TimerEntry entry, long deadline)
    {
        var later = entry.HeapIndex != TimerEntry.NotQueued && deadline > entry.Deadline;
        entry.Deadline = deadline;
        if (entry.HeapIndex == TimerEntry.NotQueued)
        {
            if (_count == _heap.Length)
                Array.Resize(ref _heap, _count * 2);
            Place(entry, _count++);
        }
        if (later)
            SiftDown(entry.HeapIndex);
        else
            SiftUp(entry.HeapIndex);
    }

    private void Remove(TimerEntry entry)
    {
        var hole = entry.HeapIndex;
        if (hole == TimerEntry.NotQueued)
            return;
        entry.HeapIndex = TimerEntry.NotQueued;
        var last = _heap[--_count];
        _heap[_count] = null!;
        if (last == entry)
            return;
        Place(last, hole);
        SiftUp(hole);
        SiftDown(last.HeapIndex);
    }

    private void Place(TimerEntry entry, int index)
    {
        _heap[index] = entry;
        entry.HeapIndex = index;
    }

    private void SiftUp(int index)
    {
        var entry = _heap[index];
        while (index > 0)
        {
            var parent = (index - 1) / 2;
            if (_heap[parent].Deadline <= entry.Deadline)
                break;
            Place(_heap[parent], index);
            index = parent;
        }
        Place(entry, index);
    }

    private void SiftDown(int index)
    {
        var entry = _heap[index];
        while (true)
        {
            var child = index * 2 + 1;
            if (child >= _count)
                break;
            if (child + 1 < _count && _heap[child + 1].Deadline < _heap[child].Deadline)
                child++;
            if (_heap[child].Deadline >= entry.Deadline)
                break;
            Place(_heap[child], index);
            index = child;
        }
        Place(entry, index);
    }
}
