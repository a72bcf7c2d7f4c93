using System.Runtime.CompilerServices;
using System.Threading;

namespace Warren.Locking.Tests;

/// <summary>One small method per hot primitive, for the disassembly: whatever the primitive costs is inlined or called there.</summary>
internal static class HotPaths
{
    private static readonly LockClass Class = new("hot", WaitContext.Spin);

    internal static readonly string[] Names =
        [nameof(HotSpin), nameof(HotSpinTry), nameof(HotRead), nameof(HotWrite), nameof(HotSemaphore), nameof(HotMutex), nameof(HotSrcu),
            nameof(HotSequence), nameof(HotAtomicRead), nameof(HotAtomicUpdate), nameof(HotRelax), nameof(HotMap), nameof(HotWake),
            nameof(HotNested), nameof(HotNotHeld), nameof(HotBalanced)];

    /// <summary>Calls them often, with pauses in which the runtime promotes them to tier 1.</summary>
    internal static void Run(int rounds)
    {
        var spin = new SpinLock(Class);
        var rw = new RwLock(Class);
        var sem = new RwSemaphore(Class);
        var mutex = new Mutex(Class);
        var srcu = new Srcu(Class);
        var sequence = new SequenceCount(Class);
        var map = new LockMap(Class);
        var wait = new RcuWait(Class);
        long word = 0;
        for (var round = 0; round < rounds; round++)
        {
            for (var i = 0; i < 50; i++)
            {
                HotSpin(spin);
                HotSpinTry(spin);
                HotRead(rw);
                HotWrite(rw);
                HotSemaphore(sem);
                HotMutex(mutex);
                HotSrcu(srcu);
                HotSequence(sequence);
                HotAtomicRead(ref word);
                HotAtomicUpdate(ref word);
                HotRelax();
                HotMap(map);
                HotWake(wait);
                HotShared(ref word, ref spin);
                HotNested(spin, rw, sem, mutex);
                HotNotHeld(spin, rw, sem, mutex);
                HotBalanced();
            }

            Thread.Sleep(20);
        }
    }

    /// <summary>The tier-1 listing of a method, or null.</summary>
    internal static string? Tier1Of(string text, string method)
    {
        foreach (var part in text.Split("; Assembly listing for method "))
        {
            var header = part.Split('\n', 2)[0];
            if (header.Contains($":{method}(", StringComparison.Ordinal) && header.Contains("Tier1", StringComparison.Ordinal)
                && part.Contains("; Total bytes of code", StringComparison.Ordinal))
            {
                return part;
            }
        }

        return null;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void HotSpin(SpinLock spin)
    {
        spin.Lock();
        spin.Unlock();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool HotSpinTry(SpinLock spin)
    {
        var taken = spin.TryLock();
        spin.Unlock();
        return taken;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void HotRead(RwLock rw)
    {
        rw.ReadLock();
        rw.ReadUnlock();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void HotWrite(RwLock rw)
    {
        rw.WriteLock();
        rw.WriteUnlock();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void HotSemaphore(RwSemaphore sem)
    {
        sem.DownRead();
        sem.UpRead();
        sem.DownWrite();
        sem.UpWrite();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void HotMutex(Mutex mutex)
    {
        mutex.Lock();
        mutex.Unlock();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void HotSrcu(Srcu srcu) => srcu.ReadUnlock(srcu.ReadLock());

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool HotSequence(SequenceCount sequence)
    {
        sequence.WriteBegin();
        sequence.WriteEnd();
        return sequence.ReadRetry(sequence.ReadBegin());
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long HotAtomicRead(ref long word) => Atomics.Read(ref word);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long HotAtomicUpdate(ref long word)
    {
        Atomics.Write(ref word, 1);
        Atomics.Add(ref word, 2);
        Atomics.Fence();
        return Atomics.CompareExchange(ref word, 3, 4);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void HotRelax()
    {
        var state = default(SpinState);
        Cpu.Relax(ref state);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void HotMap(LockMap map)
    {
        map.Enter();
        Check.MightWait(WaitContext.Sleep);
        Check.AssertNoneHeld();
        map.Leave();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool HotWake(RcuWait wait) => wait.WakeUp();

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void HotNested(SpinLock spin, RwLock rw, RwSemaphore sem, Mutex mutex)
    {
        spin.Lock(1);
        spin.Unlock();
        rw.ReadLock(1);
        rw.ReadUnlock();
        rw.WriteLock(1);
        rw.WriteUnlock();
        sem.DownRead(1);
        sem.UpRead();
        sem.DownWrite(1);
        sem.UpWrite();
        mutex.Lock(1);
        mutex.Unlock();
        if (spin.TryLock(1))
            spin.Unlock();
        if (rw.TryReadLock(1))
            rw.ReadUnlock();
        if (rw.TryWriteLock(1))
            rw.WriteUnlock();
        if (sem.TryDownRead(1))
            sem.UpRead();
        if (sem.TryDownWrite(1))
            sem.UpWrite();
        if (mutex.TryLock(1))
            mutex.Unlock();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void HotNotHeld(SpinLock spin, RwLock rw, RwSemaphore sem, Mutex mutex)
    {
        spin.AssertNotHeld();
        rw.AssertNotHeld();
        sem.AssertNotHeld();
        mutex.AssertNotHeld();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void HotBalanced()
    {
        using var balance = Check.Balanced();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long HotShared(ref long word, ref SpinLock anything)
    {
        Shared.Write(ref word, 1);
        Shared.Changing(ref anything);
        return Shared.Read(ref word);
    }
}
