using System.Runtime.CompilerServices;
using Warren.Locking;

namespace Warren.Lab;

internal enum ActorState : byte
{
    NotStarted,
    Started,
    Finished,
}

/// <summary>
/// One logical thread of a schedule, or a transition that is no thread. All its fields
/// are used only by whoever has the right to run.
/// </summary>
internal sealed class Actor(int index)
{
    internal readonly int Index = index;

    /// <summary>Its own in masks of threads.</summary>
    internal readonly ulong Bit = 1ul << index;

    /// <summary>The OS thread that plays it; null before it is started, and where it is no thread.</summary>
    internal Worker? Worker;

    /// <summary>On whose stack it stands, at a step that the other makes when this one has ended.</summary>
    internal Actor? Below;

    internal string Name = "";
    internal Action? Body;
    internal IPseudoThread? Pseudo;
    internal bool Background;

    /// <summary>It runs work that a primitive handed over: callbacks after a grace period.</summary>
    internal bool Offloaded;
    internal ActorState State;

    /// <summary>It has not come to its first scheduling point.</summary>
    internal bool IsFresh;

    /// <summary>Its hooks pass silently: it runs an oracle, or builds a scenario.</summary>
    internal bool Muted;

    /// <summary>Steps that passed silently while it unwinds.</summary>
    internal int SilentSteps;

    // What it does next, or is in the middle of.
    internal CheckOperation Operation;
    internal LockMode Mode;
    internal StepTraits Traits;
    internal int Location = -1;

    /// <summary>The place that its step depends on: the location, or a part of it that only some operations touch.</summary>
    internal int Dependence = -1;

    /// <summary>It tried and must wait until something happens to <see cref="Location"/>.</summary>
    internal bool Waiting;

    /// <summary>It waited in this step already.</summary>
    internal bool Retrying;

    /// <summary>It waits as a writer in the queue of a sleeping lock.</summary>
    internal bool InQueue;
    internal int WaitWakes;

    /// <summary>
    /// Its operations since its last relax, and in the round before; and how many rounds in a row were the same while nobody could go on.
    /// </summary>
    internal ulong LoopHash;
    internal ulong LastLoopHash;
    internal int SameRounds;

    /// <summary>It was woken out of turn, to see whether its condition is true.</summary>
    internal bool Probed;

    // Under a fair order.
    internal long LastRun;
    internal int QuantumLeft;
    internal bool WasHeldBack;
    internal int Iterations;

    /// <summary>It gives its turn away once, to whoever else can run.</summary>
    internal bool Yielding;

    /// <summary>Under weak memory: stores of it that are not in memory yet.</summary>
    internal StoreBuffer? Buffer;

    /// <summary>The store of the step it is in the middle of went into the buffer.</summary>
    internal bool HasBuffered;

    /// <summary>More pending stores than this keep it from its next step.</summary>
    internal int MayBePending;

    internal bool MustDrain => Buffer is { } buffer && buffer.Count > MayBePending;

    internal int HeldCount;
    internal int[] HeldLocation = new int[16];
    internal LockMode[] HeldMode = new LockMode[16];

    /// <summary>Its reads since its last relax, each with the version it found.</summary>
    internal int ReadCount;
    internal int[] ReadLocation = new int[16];

    /// <summary>
    /// By location: where among the reads it is, if it is there, which is so when the entry there names the location. Never cleared (a
    /// sparse set; Briggs, Torczon 1993).
    /// </summary>
    private int[] _readAt = new int[64];
    internal int[] ReadVersion = new int[16];
    internal long[] ReadValue = new long[16];

    internal void Reset(string name, Action? body, bool background)
    {
        Name = name;
        Body = body;
        Background = background;
        Offloaded = false;
        Pseudo = null;
        State = ActorState.NotStarted;
        IsFresh = true;
        Muted = false;
        Worker = null;
        Below = null;
        SilentSteps = 0;
        Operation = CheckOperation.None;
        Mode = LockMode.None;
        Traits = StepTraits.None;
        Location = -1;
        Waiting = false;
        InQueue = false;
        Yielding = false;
        LoopHash = 0;
        LastLoopHash = 0;
        SameRounds = 0;
        Probed = false;
        LastRun = 0;
        QuantumLeft = 0;
        WasHeldBack = false;
        Iterations = 0;
        HasBuffered = false;
        MayBePending = StoreBuffer.Capacity;
        Buffer?.Reset(-1);
        HeldCount = 0;
        ReadCount = 0;
    }

    /// <summary>The step is part of the round of a loop.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Hash(in CheckStep step, bool succeeded) =>
        LoopHash = ((LoopHash ^ (ulong)step.Value ^ ((ulong)(uint)Location << 32) ^ ((ulong)step.Operation << 56)) * 0x9E3779B97F4A7C15)
            + (succeeded ? 1u : 0u);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Acquired(int location, LockMode mode)
    {
        if (HeldCount == HeldLocation.Length)
        {
            Array.Resize(ref HeldLocation, HeldCount * 2);
            Array.Resize(ref HeldMode, HeldCount * 2);
        }

        HeldLocation[HeldCount] = location;
        HeldMode[HeldCount++] = mode;
    }

    /// <summary>False when it did not hold it.</summary>
    internal bool Released(int location)
    {
        for (var i = HeldCount - 1; i >= 0; i--)
        {
            if (HeldLocation[i] != location)
                continue;
            HeldCount--;
            for (; i < HeldCount; i++)
            {
                HeldLocation[i] = HeldLocation[i + 1];
                HeldMode[i] = HeldMode[i + 1];
            }

            return true;
        }

        return false;
    }

    /// <summary>Remembers a read for the await rule; the first since the last relax counts, so that no write after it is missed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void HasRead(int location, int version, long value)
    {
        if (ReadIndex(location) < 0)
            AddRead(location, version, value);
    }

    private void AddRead(int location, int version, long value)
    {
        if (location >= _readAt.Length)
            Array.Resize(ref _readAt, (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)location + 1));
        if (ReadCount == ReadLocation.Length)
        {
            Array.Resize(ref ReadLocation, ReadCount * 2);
            Array.Resize(ref ReadVersion, ReadCount * 2);
            Array.Resize(ref ReadValue, ReadCount * 2);
        }

        _readAt[location] = ReadCount;
        ReadLocation[ReadCount] = location;
        ReadValue[ReadCount] = value;
        ReadVersion[ReadCount++] = version;
    }

    /// <summary>Its own write is no news to it, unless another's came in between.</summary>
    internal void HasWritten(int location, int versionBefore)
    {
        var index = ReadIndex(location);
        if (index >= 0 && ReadVersion[index] == versionBefore)
            ReadVersion[index] = versionBefore + 1;
    }

    /// <summary>An update: it has read what was there, and its own write is no news to it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void HasUpdated(int location, int versionBefore, long value)
    {
        var index = ReadIndex(location);
        if (index < 0)
            AddRead(location, versionBefore + 1, value);
        else if (ReadVersion[index] == versionBefore)
            ReadVersion[index] = versionBefore + 1;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int ReadIndex(int location)
    {
        if ((uint)location >= (uint)_readAt.Length)
            return -1;
        var index = _readAt[location];
        return index < ReadCount && ReadLocation[index] == location ? index : -1;
    }
}
