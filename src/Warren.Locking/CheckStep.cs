using System.Runtime.CompilerServices;
using System.Threading;

namespace Warren.Locking;

/// <summary>The operation of a step.</summary>
public enum CheckOperation : byte
{
    None,
    LockAcquire,
    LockTryAcquire,
    LockRelease,
    LockDowngrade,
    SrcuReadLock,
    SrcuReadUnlock,
    SrcuSynchronize,
    SrcuCall,

    /// <summary>The queue of callbacks is looked at, or taken to be run.</summary>
    SrcuCallbacks,
    SrcuBarrier,
    WaitPrepare,
    WaitSleep,
    WaitFinish,
    WaitWakeUp,

    /// <summary>A look whether anybody waits: the step succeeds when somebody does.</summary>
    WaitProbe,
    SequenceReadBegin,
    SequenceReadRetry,
    SequenceWriteBegin,
    SequenceWriteEnd,
    AtomicRead,
    AtomicWrite,
    AtomicUpdate,
    Fence,
    Relax,

    /// <summary>A pseudo-lock of <see cref="LockMap"/> is entered: cannot wait, yet orders like a lock.</summary>
    MapEnter,
    MapLeave,

    /// <summary>The code is about to do something that may wait as long as <see cref="CheckStep.Context"/> says.</summary>
    MightWait,

    /// <summary>The code claims that this thread holds no lock here (guest entry, API return, end of a thread).</summary>
    AssertNoneHeld,

    /// <summary>The code claims that this thread holds <see cref="CheckStep.Instance"/> in at least <see cref="CheckStep.Mode"/>.</summary>
    AssertHeld,

    /// <summary>The code claims that this thread does not hold <see cref="CheckStep.Instance"/>.</summary>
    AssertNotHeld,

    /// <summary>
    /// A call begins that is to end with the locks held that are held now (<see cref="Check.Balanced"/>). Never a scheduling point.
    /// </summary>
    ScopeEnter,

    /// <summary>The call ends.</summary>
    ScopeLeave,

    /// <summary>A plain load of a field that some lock protects (<see cref="Shared"/>).</summary>
    PlainRead,

    /// <summary>A plain store to a field that some lock protects.</summary>
    PlainWrite,

    /// <summary>An event that a layer tells the oracles: <see cref="CheckStep.Mark"/>. Never a scheduling point.</summary>
    Mark,
}

/// <summary>How a lock is held.</summary>
public enum LockMode : byte
{
    None,
    Shared,
    Exclusive,
}

/// <summary>
/// One step of a thread that another thread could observe. The identity of what it touches is <see cref="Instance"/> plus
/// <see cref="Offset"/>: for a lock the lock object and 0; for an atomic access the owner the caller named and the byte
/// offset of the field from the start of that object's fields, or null and the address when it lies in native memory (an
/// address within an unnamed managed object holds only until the next collection).
/// </summary>
public readonly struct CheckStep
{
    internal CheckStep(CheckOperation operation, LockMode mode, LockClass? lockClass, object? instance, nint offset = 0, long value = 0,
        WaitContext context = WaitContext.Free, byte size = 0)
    {
        Operation = operation;
        Mode = mode;
        Class = lockClass;
        Instance = instance;
        Offset = offset;
        Value = value;
        Context = context;
        Size = size;
    }

    internal CheckStep(CheckMark mark, object? subject, long first, long second)
    {
        Operation = CheckOperation.Mark;
        Mark = mark;
        Instance = subject;
        Offset = (nint)first;
        Value = second;
    }

    public CheckOperation Operation { get; }

    /// <summary>Which event, for <see cref="CheckOperation.Mark"/>.</summary>
    public CheckMark? Mark { get; }

    public LockMode Mode { get; }

    /// <summary>How long the step may wait; for locks the context of their class.</summary>
    public WaitContext Context { get; }

    /// <summary>
    /// For an access of <see cref="Atomics"/> or <see cref="Shared"/>, the bytes of its location (255: or more); 0 where that holds a
    /// reference, and for every other step.
    /// </summary>
    public byte Size { get; }

    /// <summary>Null for atomic accesses, fences, relaxes and assertions without a lock.</summary>
    public LockClass? Class { get; }

    public object? Instance { get; }

    public nint Offset { get; }

    /// <summary>
    /// Operand or result: the SRCU index, the sequence number, the value to be stored (before) or found (after) by an
    /// atomic access of an integer up to 8 bytes, but for additions the sum; 0 for references.
    /// </summary>
    public long Value { get; }

    /// <summary>
    /// The value that the location of an access holds at this moment, extended by its sign; 0 where it is not of 1, 2, 4 or 8 bytes, and
    /// for every other step. To be asked on the thread of the step, between its Before and its After: nothing is done that another thread
    /// could notice.
    /// </summary>
    public long PeekBits()
    {
        // Only an access has a size.
        if (Size is not (1 or 2 or 4 or 8))
            return 0;
        ref var place = ref Atomics.Place(Instance, Offset);
        return Size switch
        {
            1 => (sbyte)Volatile.Read(ref place),
            2 => Volatile.Read(ref Unsafe.As<byte, short>(ref place)),
            4 => Volatile.Read(ref Unsafe.As<byte, int>(ref place)),
            _ => Volatile.Read(ref Unsafe.As<byte, long>(ref place)),
        };
    }

    /// <summary>The same where the location holds a reference; null for every other step (<see cref="HoldsReference"/>).</summary>
    public object? PeekReference() =>
        HoldsReference ? Volatile.Read(ref Unsafe.As<byte, object?>(ref Atomics.Place(Instance, Offset))) : null;

    /// <summary>True when the step accesses a field of <see cref="Instance"/> that holds a reference: native memory holds none.</summary>
    public bool HoldsReference => Size == 0 && Instance is not null
        && Operation is CheckOperation.AtomicRead or CheckOperation.AtomicWrite or CheckOperation.AtomicUpdate or CheckOperation.PlainRead
        or CheckOperation.PlainWrite;
}

/// <summary>A kind of event told with <see cref="Check.Mark"/>; declared in a static field of the layer that tells it.</summary>
public sealed class CheckMark(string name)
{
    public string Name { get; } = name;

    public override string ToString() => Name;
}
