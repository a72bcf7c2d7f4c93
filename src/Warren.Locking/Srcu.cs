using System.Runtime.CompilerServices;
using System.Threading;

namespace Warren.Locking;

/// <summary>
/// Sleepable read-copy-update: readers never wait, an updater waits for the readers that were there before it.
/// Readers count themselves in and out on one of two banks of counters, on a cache line of the CPU they run on;
/// a thread that moves to another CPU inside its section leaves only the sums right, which is all that is compared.
/// Read sections may nest and may sleep. They must not wait for a grace period of the same domain.
/// </summary>
public sealed unsafe partial class Srcu
{
    /// <summary>A line per CPU: entries of bank 0 and 1, exits of bank 0 and 1, as 64-bit counters.</summary>
    private const int LineWords = 8;
    private const int ExitWords = 2;

    private static readonly int Lines =
        (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Clamp(Environment.ProcessorCount, 1, 64));

    // Pinned, so that the counters can be aligned to cache lines; the pointer lives as long as the array does.
    private readonly ulong[] _backing = GC.AllocateArray<ulong>((Lines + 1) * LineWords, pinned: true);
    private readonly ulong* _counters;
    private readonly SleepingLock _updaters = new();
    private int _bank;
    private long _started;
    private long _completed;

    public Srcu(LockClass lockClass)
    {
        Class = lockClass;
        _counters = (ulong*)(((nuint)Unsafe.AsPointer(ref _backing[0]) + 63) & ~(nuint)63);
    }

    public LockClass Class { get; }

    /// <summary>Grace periods that have ended.</summary>
    public long GracePeriods => Volatile.Read(ref _completed);

    /// <summary>
    /// Enters a read section; hand the returned index to <see cref="ReadUnlock"/>, on any thread (a validator wants it on this one).
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int ReadLock() => Check.On ? ReadLockChecked() : ReadLockNative();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void ReadUnlock(int idx)
    {
        if (Check.On)
            ReadUnlockChecked(idx);
        else
            ReadUnlockNative(idx);
    }

    /// <summary>Waits until every read section that began before this call has ended. Sleeps soon when there are any.</summary>
    public void Synchronize() => Synchronize(expedited: false);

    /// <summary>The same, spinning longer before it sleeps. Without readers it costs a few loads per CPU and two fences.</summary>
    public void SynchronizeExpedited() => Synchronize(expedited: true);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int ReadLockNative()
    {
        var bank = Volatile.Read(ref _bank) & 1;
        // The atomic add is a full fence: what the section reads is read after the count is visible to an updater (B in Drained).
        Interlocked.Increment(ref Line()[bank]);
        return bank;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void ReadUnlockNative(int idx)
    {
        // Full fence: what the section read was read before it counts as gone (C in Drained).
        Interlocked.Increment(ref Line()[ExitWords + (idx & 1)]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong* Line() => _counters + ((nuint)(uint)(Thread.GetCurrentProcessorId() & (Lines - 1)) * LineWords);

    private void Synchronize(bool expedited)
    {
        var step = default(CheckStep);
        if (Check.On)
        {
            step = new CheckStep(CheckOperation.SrcuSynchronize, LockMode.Exclusive, Class, this, context: WaitContext.Sleep);
            Check.Hook.Before(step);
        }

        // A: the caller's unpublishing stores come before everything below.
        Interlocked.MemoryBarrier();
        var seen = Volatile.Read(ref _started);
        EnterUpdaters(step);
        try
        {
            // A grace period that began after our fence has ended meanwhile, on behalf of another updater: it covers us.
            if (_completed <= seen)
            {
                Volatile.Write(ref _started, _started + 1);
                // Fence: whoever reads the new number later knows that this grace period began before its own call.
                Interlocked.MemoryBarrier();
                GracePeriod(expedited, step);
                Volatile.Write(ref _completed, _started);
            }
        }
        finally
        {
            _updaters.ReleaseWrite();
        }

        // D: what the caller frees next is freed after the last reader left.
        Interlocked.MemoryBarrier();
        if (Check.On)
            Check.Hook.After(step, true);
    }

    /// <summary>
    /// Two phases. A reader may have picked its bank before the last flip and counted itself only now, in the bank that no new
    /// reader picks: so that bank is drained first, before the flip makes it current again. Then the flip sends new readers
    /// to it, and the bank that was current drains of all who came before: newcomers cannot keep it busy.
    /// </summary>
    private void GracePeriod(bool expedited, in CheckStep step)
    {
        var bank = _bank & 1;
        Drain(bank ^ 1, expedited, step);
        // Full fence on both sides of the flip: the drain is over before, and the counters below are read after.
        Interlocked.Exchange(ref _bank, bank ^ 1);
        Drain(bank, expedited, step);
    }

    private void Drain(int bank, bool expedited, in CheckStep step)
    {
        if (Drained(bank))
            return;
        var spin = default(SpinState);
        var eager = expedited ? 64 : 0;
        do
        {
            if (Check.On && Check.Hook.Wait(step))
                continue;
            if (eager > 0)
            {
                eager--;
                Thread.SpinWait(16);
            }
            else
            {
                Cpu.RelaxNative(ref spin);
            }
        }
        while (!Drained(bank));
    }

    /// <summary>
    /// Exits are summed before entries: an exit that is seen has its entry seen too, so equal sums mean that at some
    /// moment in between nobody was inside.
    /// </summary>
    private bool Drained(int bank)
    {
        ulong exits = 0, entries = 0;
        for (var i = 0; i < Lines; i++)
            exits += Volatile.Read(ref _counters[(i * LineWords) + ExitWords + bank]);
        // Pairs with both B and C.
        Interlocked.MemoryBarrier();
        for (var i = 0; i < Lines; i++)
            entries += Volatile.Read(ref _counters[(i * LineWords) + bank]);
        return exits == entries;
    }

    private void EnterUpdaters(in CheckStep step)
    {
        if (_updaters.TryWrite())
            return;
        while (Check.On && Check.Hook.Wait(step))
        {
            if (_updaters.TryWrite())
                return;
        }

        _updaters.Acquire(write: true);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private int ReadLockChecked()
    {
        Check.Hook.Before(new CheckStep(CheckOperation.SrcuReadLock, LockMode.Shared, Class, this));
        var idx = ReadLockNative();
        Check.Hook.After(new CheckStep(CheckOperation.SrcuReadLock, LockMode.Shared, Class, this, value: idx), true);
        return idx;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void ReadUnlockChecked(int idx)
    {
        var step = new CheckStep(CheckOperation.SrcuReadUnlock, LockMode.Shared, Class, this, value: idx);
        Check.Hook.Before(step);
        ReadUnlockNative(idx);
        Check.Hook.After(step, true);
    }
}
