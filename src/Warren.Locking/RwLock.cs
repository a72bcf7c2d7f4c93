using System.Runtime.CompilerServices;
using System.Threading;

namespace Warren.Locking;

/// <summary>
/// A spinning reader-writer lock, not recursive; holders must not sleep. A waiting writer holds back new readers, and a
/// reader held back for long passes a waiting (never a holding) writer: neither side starves.
/// Word: bit 0 write-held, bit 1 a writer waits, from bit 2 the number of readers.
/// </summary>
public sealed class RwLock(LockClass lockClass)
{
    private const int Held = 1;
    private const int WriterWaits = 2;
    private const int Reader = 4;

    /// <summary>Rounds after which a reader no longer gives way to writers that wait.</summary>
    private const int Patience = Cpu.SpinRounds + 24;

    private PaddedWord _p;

    public LockClass Class { get; } = lockClass;

    /// <summary>True when someone waits, so that a long holder should drop the lock for a moment (rwlock_needbreak).</summary>
    public bool IsContended => Check.On ? IsContendedChecked() : Volatile.Read(ref _p.Waiters) != 0;

    public bool IsWriteLocked => (Volatile.Read(ref _p.Word) & Held) != 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void ReadLock()
    {
        if (Check.On)
            AcquireChecked(LockMode.Shared, Class);
        else if (!TryReadNative(Held | WriterWaits))
            ReadSlow();
    }

    /// <summary>As the n-th level of a nesting of this class (<see cref="LockClass.Subclass"/>).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void ReadLock(int subclass)
    {
        if (Check.On)
            AcquireChecked(LockMode.Shared, Class.Subclass(subclass));
        else if (!TryReadNative(Held | WriterWaits))
            ReadSlow();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryReadLock() => Check.On ? TryChecked(LockMode.Shared, Class) : TryReadNative(Held | WriterWaits);

    /// <summary>
    /// As the n-th level of a nesting of this class (<see cref="LockClass.Subclass"/>): what is locked while it is held comes after that
    /// level.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryReadLock(int subclass) =>
    Check.On ? TryChecked(LockMode.Shared, Class.Subclass(subclass)) : TryReadNative(Held | WriterWaits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void ReadUnlock()
    {
        if (Check.On)
            ReleaseChecked(LockMode.Shared);
        else
            ReadUnlockNative();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void WriteLock()
    {
        if (Check.On)
            AcquireChecked(LockMode.Exclusive, Class);
        else if (Interlocked.CompareExchange(ref _p.Word, Held, 0) != 0)
            WriteSlow();
        if (Check.TrackOwners)
            _p.Owner = Environment.CurrentManagedThreadId;
    }

    /// <summary>As the n-th level of a nesting of this class (<see cref="LockClass.Subclass"/>).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void WriteLock(int subclass)
    {
        if (Check.On)
            AcquireChecked(LockMode.Exclusive, Class.Subclass(subclass));
        else if (Interlocked.CompareExchange(ref _p.Word, Held, 0) != 0)
            WriteSlow();
        if (Check.TrackOwners)
            _p.Owner = Environment.CurrentManagedThreadId;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryWriteLock()
    {
        var taken = Check.On ? TryChecked(LockMode.Exclusive, Class) : TryWriteNative();
        if (Check.TrackOwners && taken)
            _p.Owner = Environment.CurrentManagedThreadId;
        return taken;
    }

    /// <summary>
    /// As the n-th level of a nesting of this class (<see cref="LockClass.Subclass"/>): what is locked while it is held comes after that
    /// level.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryWriteLock(int subclass)
    {
        var taken = Check.On ? TryChecked(LockMode.Exclusive, Class.Subclass(subclass)) : TryWriteNative();
        if (Check.TrackOwners && taken)
            _p.Owner = Environment.CurrentManagedThreadId;
        return taken;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void WriteUnlock()
    {
        if (Check.TrackOwners)
            ReleaseOwner();
        if (Check.On)
            ReleaseChecked(LockMode.Exclusive);
        else
            Interlocked.And(ref _p.Word, ~Held);
    }

    /// <summary>
    /// Throws unless write-held: by this thread where owners are tracked (checking on, or a debug build), else by anyone.
    /// </summary>
    public void AssertHeldWrite()
    {
        if (!IsWriteLocked || (Check.TrackOwners && _p.Owner != Environment.CurrentManagedThreadId))
            throw new LockAssertionException(Class, "not write-held by this thread where it must be");
        if (Check.On)
            Check.Point(new CheckStep(CheckOperation.AssertHeld, LockMode.Exclusive, Class, this));
    }

    /// <summary>Throws unless held in either mode. Readers have no identity here; the validator knows them.</summary>
    public void AssertHeld()
    {
        var word = Volatile.Read(ref _p.Word);
        if ((word & ~WriterWaits) == 0 || (Check.TrackOwners && (word & Held) != 0 && _p.Owner != Environment.CurrentManagedThreadId))
            throw new LockAssertionException(Class, "not held by this thread where it must be");
        if (Check.On)
            Check.Point(new CheckStep(CheckOperation.AssertHeld, LockMode.Shared, Class, this));
    }

    /// <summary>
    /// Throws when this thread holds it: in either mode with a validator on, else only for write, where owners are tracked.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AssertNotHeld()
    {
        if (Check.On)
            Check.Point(new CheckStep(CheckOperation.AssertNotHeld, LockMode.None, Class, this));
        if (Check.TrackOwners && IsWriteLocked && _p.Owner == Environment.CurrentManagedThreadId)
            throw new LockAssertionException(Class, "held by this thread where it must not be");
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryReadNative(int blockers)
    {
        var word = Volatile.Read(ref _p.Word);
        while ((word & blockers) == 0)
        {
            var seen = Interlocked.CompareExchange(ref _p.Word, word + Reader, word);
            if (seen == word)
                return true;
            word = seen;
        }

        return false;
    }

    private bool TryWriteNative()
    {
        var word = Volatile.Read(ref _p.Word);
        return (word & ~WriterWaits) == 0 && Interlocked.CompareExchange(ref _p.Word, word | Held, word) == word;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void ReadUnlockNative()
    {
        if (Interlocked.Add(ref _p.Word, -Reader) < 0)
            throw new LockAssertionException(Class, "read-released without a reader");
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void ReadSlow()
    {
        Interlocked.Increment(ref _p.Waiters);
        var spin = default(SpinState);
        do
            Cpu.RelaxNative(ref spin);
        while (!TryReadNative(spin.Rounds < Patience ? Held | WriterWaits : Held));
        Interlocked.Decrement(ref _p.Waiters);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void WriteSlow()
    {
        Interlocked.Increment(ref _p.Waiters);
        var spin = default(SpinState);
        while (true)
        {
            var word = Volatile.Read(ref _p.Word);
            if ((word & ~WriterWaits) == 0)
            {
                // Takes the waiting mark off as well; another waiting writer puts it back in its next round.
                if (Interlocked.CompareExchange(ref _p.Word, Held, word) == word)
                    break;
                continue;
            }

            if ((word & WriterWaits) == 0)
                Interlocked.Or(ref _p.Word, WriterWaits);
            Cpu.RelaxNative(ref spin);
        }

        Interlocked.Decrement(ref _p.Waiters);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void AcquireChecked(LockMode mode, LockClass lockClass)
    {
        var step = new CheckStep(CheckOperation.LockAcquire, mode, lockClass, this, context: lockClass.Context);
        var hook = Check.Hook;
        hook.Before(step);
        var counted = false;
        while (!(mode == LockMode.Shared ? TryReadNative(Held | WriterWaits) : TryWriteNative()))
        {
            if (!counted)
            {
                counted = true;
                Interlocked.Increment(ref _p.Waiters);
            }

            if (hook.Wait(step))
                continue;
            if (mode == LockMode.Shared)
                ReadSlow();
            else
                WriteSlow();
            break;
        }

        if (counted)
            Interlocked.Decrement(ref _p.Waiters);
        hook.After(step, true);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryChecked(LockMode mode, LockClass lockClass)
    {
        var step = new CheckStep(CheckOperation.LockTryAcquire, mode, lockClass, this);
        Check.Hook.Before(step);
        var taken = mode == LockMode.Shared ? TryReadNative(Held | WriterWaits) : TryWriteNative();
        Check.Hook.After(step, taken);
        return taken;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void ReleaseChecked(LockMode mode)
    {
        var step = new CheckStep(CheckOperation.LockRelease, mode, Class, this);
        Check.Hook.Before(step);
        if (mode == LockMode.Shared)
            ReadUnlockNative();
        else
            Interlocked.And(ref _p.Word, ~Held);
        Check.Hook.After(step, true);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool IsContendedChecked()
    {
        var step = new CheckStep(CheckOperation.WaitProbe, LockMode.None, Class, this);
        Check.Hook.Before(step);
        var isContended = Volatile.Read(ref _p.Waiters) != 0;
        Check.Hook.After(step, isContended);
        return isContended;
    }

    private void ReleaseOwner()
    {
        if (_p.Owner != Environment.CurrentManagedThreadId)
            throw new LockAssertionException(Class, "write-released by a thread that does not hold it");
        _p.Owner = 0;
    }
}
