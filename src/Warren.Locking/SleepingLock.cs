using System.Runtime.CompilerServices;
using System.Threading;

namespace Warren.Locking;

/// <summary>
/// The machinery of <see cref="Mutex"/> and <see cref="RwSemaphore"/>: a word, and a first-in-first-out queue of sleepers to which
/// a release hands the lock over, so that nobody overtakes: a queued writer stops new readers, and readers queued behind it
/// enter together once it is done.
/// Word: bit 0 write-held, bit 1 the queue is not empty, from bit 2 the number of readers.
/// </summary>
internal sealed class SleepingLock
{
    private const int Held = 1;
    private const int Queued = 2;
    private const int Reader = 4;

    [ThreadStatic]
    private static Waiter? t_waiter;

    private PaddedWord _p;
    private int _queueLock;
    private Waiter? _head;
    private Waiter? _tail;

    internal ref int Owner => ref _p.Owner;

    /// <summary>With checking on: writers that wait in the hook.</summary>
    internal ref int WaitingWriters => ref _p.Waiters;

    internal bool IsHeld => (Volatile.Read(ref _p.Word) & ~Queued) != 0;

    internal bool IsWriteHeld => (Volatile.Read(ref _p.Word) & Held) != 0;

    internal bool IsQueued => (Volatile.Read(ref _p.Word) & Queued) != 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool TryWrite() => Interlocked.CompareExchange(ref _p.Word, Held, 0) == 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool TryRead()
    {
        var word = Volatile.Read(ref _p.Word);
        while ((word & (Held | Queued)) == 0)
        {
            var seen = Interlocked.CompareExchange(ref _p.Word, word + Reader, word);
            if (seen == word)
                return true;
            word = seen;
        }

        return false;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal void Acquire(bool write)
    {
        var spin = default(SpinState);
        while (!spin.Yielding)
        {
            if (write ? TryWrite() : TryRead())
                return;
            if (IsQueued)
                break;
            Cpu.RelaxNative(ref spin);
        }

        var self = t_waiter ??= new Waiter();
        self.Granted = 0;
        self.Write = write;
        self.Next = null;
        LockQueue();
        var word = Volatile.Read(ref _p.Word);
        while (true)
        {
            var free = write ? word == 0 : (word & (Held | Queued)) == 0;
            var wanted = !free ? word | Queued : write ? Held : word + Reader;
            var seen = Interlocked.CompareExchange(ref _p.Word, wanted, word);
            if (seen != word)
            {
                word = seen;
                continue;
            }

            if (free)
            {
                UnlockQueue();
                return;
            }

            break;
        }

        if (_tail is null)
            _head = self;
        else
            _tail.Next = self;
        _tail = self;
        UnlockQueue();
        self.Parker.Park(ref self.Granted);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void ReleaseWrite()
    {
        if (Interlocked.CompareExchange(ref _p.Word, 0, Held) != Held)
            HandOver(Held);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void ReleaseRead()
    {
        // With Queued set no new holder can enter but by hand-over, so the last reader to leave finds exactly Queued.
        if (Interlocked.Add(ref _p.Word, -Reader) == Queued)
            HandOver(0);
    }

    internal void Downgrade()
    {
        if (Interlocked.CompareExchange(ref _p.Word, Reader, Held) == Held)
            return;
        LockQueue();
        Interlocked.Add(ref _p.Word, Reader - Held);
        var granted = _head is { Write: false } ? TakeReaders() : null;
        UnlockQueue();
        Wake(granted);
    }

    /// <summary>Gives up <paramref name="release"/> and passes the lock to the head of the queue.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void HandOver(int release)
    {
        LockQueue();
        Waiter? granted;
        if (_head is null)
        {
            // Only an unbalanced release gets here: with the queue empty the fast path would have succeeded.
            UnlockQueue();
            throw new LockAssertionException("A sleeping lock was released by a thread that does not hold it.");
        }

        if (_head.Write)
        {
            granted = _head;
            _head = granted.Next;
            granted.Next = null;
            if (_head is null)
                _tail = null;
            var change = Held - release - (_head is null ? Queued : 0);
            Interlocked.Add(ref _p.Word, change);
        }
        else
        {
            if (release != 0)
                Interlocked.Add(ref _p.Word, -release);
            granted = TakeReaders();
        }

        UnlockQueue();
        Wake(granted);
    }

    /// <summary>Under the queue lock: grants the readers at the head, up to the first writer, and returns them as a list.</summary>
    private Waiter TakeReaders()
    {
        var first = _head!;
        var last = first;
        var count = 1;
        while (last.Next is { Write: false } next)
        {
            last = next;
            count++;
        }

        _head = last.Next;
        last.Next = null;
        if (_head is null)
            _tail = null;
        Interlocked.Add(ref _p.Word, (count * Reader) - (_head is null ? Queued : 0));
        return first;
    }

    private static void Wake(Waiter? granted)
    {
        while (granted is not null)
        {
            // Once granted, the node may be queued anew by its thread: read the link first.
            var next = granted.Next;
            granted.Next = null;
            Volatile.Write(ref granted.Granted, 1);
            granted.Parker.Unpark();
            granted = next;
        }
    }

    private void LockQueue()
    {
        var spin = default(SpinState);
        while (Interlocked.CompareExchange(ref _queueLock, 1, 0) != 0)
            Cpu.RelaxNative(ref spin);
    }

    private void UnlockQueue() => Volatile.Write(ref _queueLock, 0);

    /// <summary>One per thread: a thread sleeps on one lock at a time.</summary>
    private sealed class Waiter
    {
        internal readonly Parker Parker = new();
        internal int Granted;
        internal bool Write;
        internal Waiter? Next;
    }
}
