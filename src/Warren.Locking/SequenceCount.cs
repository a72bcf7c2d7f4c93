using System.Runtime.CompilerServices;
using System.Threading;

namespace Warren.Locking;

/// <summary>
/// A sequence count: readers take no lock and retry when a writer was about. Even: idle; odd: being written. Writers must
/// exclude each other by a lock of theirs. Readers may see torn data and must not act on it before <see cref="ReadRetry"/>.
/// </summary>
public sealed class SequenceCount(LockClass lockClass)
{
    private uint _sequence;

    public LockClass Class { get; } = lockClass;

    /// <summary>Waits out a writer and returns the number to hand to <see cref="ReadRetry"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint ReadBegin()
    {
        if (Check.On)
            return ReadBeginChecked();
        var sequence = Volatile.Read(ref _sequence);
        return (sequence & 1) == 0 ? sequence : ReadBeginSlow();
    }

    /// <summary>Whether what was read since <see cref="ReadBegin"/> may be torn and must be read again.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool ReadRetry(uint sequence)
    {
        if (Check.On)
            return ReadRetryChecked(sequence);
        Volatile.ReadBarrier();
        return Volatile.Read(ref _sequence) != sequence;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void WriteBegin()
    {
        if (Check.On)
            WriteChecked(CheckOperation.SequenceWriteBegin);
        else
            Interlocked.Increment(ref _sequence);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void WriteEnd()
    {
        if (Check.On)
            WriteChecked(CheckOperation.SequenceWriteEnd);
        else
            Volatile.Write(ref _sequence, _sequence + 1);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private uint ReadBeginSlow()
    {
        var spin = default(SpinState);
        uint sequence;
        while (((sequence = Volatile.Read(ref _sequence)) & 1) != 0)
            Cpu.RelaxNative(ref spin);
        return sequence;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private uint ReadBeginChecked()
    {
        var step = new CheckStep(CheckOperation.SequenceReadBegin, LockMode.Shared, Class, this);
        Check.Hook.Before(step);
        uint sequence;
        while (((sequence = Volatile.Read(ref _sequence)) & 1) != 0)
        {
            if (Check.Hook.Wait(step))
                continue;
            sequence = ReadBeginSlow();
            break;
        }

        Check.Hook.After(new CheckStep(CheckOperation.SequenceReadBegin, LockMode.Shared, Class, this, value: sequence), true);
        return sequence;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool ReadRetryChecked(uint sequence)
    {
        var step = new CheckStep(CheckOperation.SequenceReadRetry, LockMode.Shared, Class, this, value: sequence);
        Check.Hook.Before(step);
        Interlocked.MemoryBarrier();
        var retry = Volatile.Read(ref _sequence) != sequence;
        Check.Hook.After(step, !retry);
        return retry;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void WriteChecked(CheckOperation operation)
    {
        var step = new CheckStep(operation, LockMode.Exclusive, Class, this);
        Check.Hook.Before(step);
        var now = Interlocked.Increment(ref _sequence);
        var isBegin = operation == CheckOperation.SequenceWriteBegin;
        if ((now & 1) != (isBegin ? 1u : 0u))
            throw new LockAssertionException(Class, isBegin ? "two writers at once" : "write end without begin");
        Check.Hook.After(new CheckStep(operation, LockMode.Exclusive, Class, this, value: now), true);
    }
}
