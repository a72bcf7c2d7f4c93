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

    /// <summary>True when what was read since <see cref="ReadBegin"/> may be torn and must be read again.</summary>
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
        var hook = Check.Hook;
        hook.Before(step);
        uint sequence;
        while (((sequence = ReadForwarded(hook)) & 1) != 0)
        {
            if (hook.Wait(step))
                continue;
            sequence = ReadBeginSlow();
            break;
        }

        hook.After(new CheckStep(CheckOperation.SequenceReadBegin, LockMode.Shared, Class, this, value: sequence), true);
        return sequence;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool ReadRetryChecked(uint sequence)
    {
        var step = new CheckStep(CheckOperation.SequenceReadRetry, LockMode.Shared, Class, this, value: sequence);
        var hook = Check.Hook;
        hook.Before(step);
        Interlocked.MemoryBarrier();
        var retry = ReadForwarded(hook) != sequence;
        hook.After(step, !retry);
        return retry;
    }

    private uint ReadForwarded(CheckHook hook) =>
        Atomics.TryForward(hook, ref _sequence, this, out var pending) ? pending : Volatile.Read(ref _sequence);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void WriteChecked(CheckOperation operation)
    {
        var step = new CheckStep(operation, LockMode.Exclusive, Class, this);
        var hook = Check.Hook;
        hook.Before(step);
        var isBegin = operation == CheckOperation.SequenceWriteBegin;
        // The beginning is a full fence, so what follows reads what other writers have left; the end is a plain store.
        var now = isBegin ? Interlocked.Increment(ref _sequence) : Volatile.Read(ref _sequence) + 1;
        if ((now & 1) != (isBegin ? 1u : 0u))
            throw new LockAssertionException(Class, isBegin ? "two writers at once" : "write end without begin");
        if (!isBegin && !Atomics.TryBuffer(hook, step, ref _sequence, now, this))
            Volatile.Write(ref _sequence, now);
        hook.After(new CheckStep(operation, LockMode.Exclusive, Class, this, value: now), true);
    }
}
