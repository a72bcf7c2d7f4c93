using System.Runtime.CompilerServices;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>The meaning of a step to the scheduler.</summary>
[Flags]
internal enum StepTraits : byte
{
    None = 0,

    /// <summary>The scheduler decides before it who goes on.</summary>
    Point = 1,

    /// <summary>Depends on what others write to the same location; commutes with other reads.</summary>
    Reads = 2,

    /// <summary>Depends on every access to the same location.</summary>
    Writes = 4,

    /// <summary>May let threads go on that wait for the location.</summary>
    Wakes = 8,

    /// <summary>
    /// Gives something up. It needs no point of its own: between the thread's step before and this one, others could only find the
    /// lock held, that is, wait, and whoever waits may as well have run before that step or wait until after this one (releases are left
    /// movers; Lipton 1975). Only a try sees the difference; <see cref="ScheduleState.ReleasePoints"/>.
    /// </summary>
    Release = 16,

    /// <summary>The thread may not be able to go on here.</summary>
    Blocks = 32,

    /// <summary>The scheduler keeps more about it than about any access: "AfterSpecial" of the <see cref="Engine"/>.</summary>
    Special = 64,
}

internal static class StepTable
{
    private static readonly StepTraits[] Traits = Make();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static StepTraits Of(CheckOperation operation, LockMode mode)
    {
        var traits = Traits[(int)operation];
        // Holders of the shared mode commute with each other, in and out.
        return mode == LockMode.Shared
            && operation is (CheckOperation.LockAcquire or CheckOperation.LockTryAcquire or CheckOperation.LockRelease)
            ? (traits & ~StepTraits.Writes) | StepTraits.Reads
            : traits;
    }

    private static StepTraits[] Make()
    {
        var t = new StepTraits[256];
        t[(int)CheckOperation.LockAcquire] = StepTraits.Point | StepTraits.Writes | StepTraits.Blocks;
        t[(int)CheckOperation.LockTryAcquire] = StepTraits.Point | StepTraits.Writes;
        t[(int)CheckOperation.LockRelease] = StepTraits.Writes | StepTraits.Wakes | StepTraits.Release;
        t[(int)CheckOperation.LockDowngrade] = StepTraits.Point | StepTraits.Writes | StepTraits.Wakes;
        // Readers count themselves in and out: they commute, and only a grace period waits for them.
        t[(int)CheckOperation.SrcuReadLock] = StepTraits.Point | StepTraits.Reads;
        t[(int)CheckOperation.SrcuReadUnlock] = StepTraits.Reads | StepTraits.Wakes | StepTraits.Release;
        t[(int)CheckOperation.SrcuSynchronize] = StepTraits.Point | StepTraits.Writes | StepTraits.Wakes | StepTraits.Blocks;
        t[(int)CheckOperation.SrcuCall] = StepTraits.Point | StepTraits.Writes;
        t[(int)CheckOperation.SrcuCallbacks] = StepTraits.Point | StepTraits.Writes;
        t[(int)CheckOperation.SrcuBarrier] = StepTraits.Point | StepTraits.Writes | StepTraits.Blocks;
        t[(int)CheckOperation.WaitPrepare] = StepTraits.Point | StepTraits.Writes;
        t[(int)CheckOperation.WaitSleep] = StepTraits.Point | StepTraits.Writes | StepTraits.Blocks;
        t[(int)CheckOperation.WaitFinish] = StepTraits.Point | StepTraits.Writes;
        t[(int)CheckOperation.WaitWakeUp] = StepTraits.Point | StepTraits.Writes | StepTraits.Wakes;
        t[(int)CheckOperation.WaitProbe] = StepTraits.Point | StepTraits.Reads;
        t[(int)CheckOperation.SequenceReadBegin] = StepTraits.Point | StepTraits.Reads | StepTraits.Blocks;
        t[(int)CheckOperation.SequenceReadRetry] = StepTraits.Point | StepTraits.Reads;
        t[(int)CheckOperation.SequenceWriteBegin] = StepTraits.Point | StepTraits.Writes | StepTraits.Wakes;
        t[(int)CheckOperation.SequenceWriteEnd] = StepTraits.Point | StepTraits.Writes | StepTraits.Wakes;
        t[(int)CheckOperation.AtomicRead] = StepTraits.Point | StepTraits.Reads;
        t[(int)CheckOperation.AtomicWrite] = StepTraits.Point | StepTraits.Writes | StepTraits.Wakes;
        t[(int)CheckOperation.AtomicUpdate] = StepTraits.Point | StepTraits.Writes | StepTraits.Wakes;
        t[(int)CheckOperation.PlainRead] = StepTraits.Point | StepTraits.Reads;
        t[(int)CheckOperation.PlainWrite] = StepTraits.Point | StepTraits.Writes | StepTraits.Wakes;
        // Its point is in the wait that follows.
        t[(int)CheckOperation.Relax] = StepTraits.Blocks;
        foreach (var special in (ReadOnlySpan<CheckOperation>)[CheckOperation.LockTryAcquire, CheckOperation.LockDowngrade,
            CheckOperation.SrcuReadLock, CheckOperation.SrcuReadUnlock,
            CheckOperation.WaitPrepare, CheckOperation.WaitWakeUp, CheckOperation.WaitSleep, CheckOperation.WaitFinish,
            CheckOperation.Relax, CheckOperation.AssertNoneHeld])
        {
            t[(int)special] |= StepTraits.Special;
        }
        return t;
    }
}
