using System.Runtime.CompilerServices;
using System.Threading;

namespace Warren.Locking;

/// <summary>
/// Access to state that threads share without a lock; each is one step for the explorer. T is a class reference or a
/// primitive-like struct of 1, 2, 4 or 8 bytes. The argument owner, where given, is the managed object whose field the
/// location is, so that a step has an identity that survives the collector; leave it out for native memory.
/// Read acquires, Write releases, everything else is a full fence.
/// </summary>
public static partial class Atomics
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Read<T>(ref readonly T location, object? owner = null)
    {
        if (Check.Steps)
            return ReadChecked(ref Unsafe.AsRef(in location), owner);
        return ReadNative(ref Unsafe.AsRef(in location));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write<T>(ref T location, T value, object? owner = null)
    {
        if (Check.Steps)
            WriteChecked(ref location, value, owner);
        else
            WriteNative(ref location, value);
    }

    /// <returns>The value found.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Exchange<T>(ref T location, T value, object? owner = null)
    {
        if (Check.Steps)
            return ExchangeChecked(ref location, value, owner);
        return Interlocked.Exchange(ref location, value);
    }

    /// <returns>The value found: equal to <paramref name="comparand"/> when the store happened.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T CompareExchange<T>(ref T location, T value, T comparand, object? owner = null)
    {
        if (Check.Steps)
            return CompareExchangeChecked(ref location, value, comparand, owner);
        return Interlocked.CompareExchange(ref location, value, comparand);
    }

    /// <summary>A full fence (smp_mb).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Fence()
    {
        if (Check.Steps)
            Check.Point(new CheckStep(CheckOperation.Fence, LockMode.None, null, null));
        Interlocked.MemoryBarrier();
    }

    /// <summary>
    /// A full fence in the middle of a primitive's step: under an explorer it is this line that empties the store buffer.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void FenceWithinStep()
    {
        if (Check.Steps)
            Check.Hook.PerformPending();
        Interlocked.MemoryBarrier();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T ReadNative<T>(ref T location)
    {
        if (!typeof(T).IsValueType)
        {
            var reference = Volatile.Read(ref Unsafe.As<T, object>(ref location));
            return Unsafe.As<object, T>(ref reference);
        }

        if (Unsafe.SizeOf<T>() == 8)
            return Unsafe.BitCast<ulong, T>(Volatile.Read(ref Unsafe.As<T, ulong>(ref location)));
        if (Unsafe.SizeOf<T>() == 4)
            return Unsafe.BitCast<uint, T>(Volatile.Read(ref Unsafe.As<T, uint>(ref location)));
        if (Unsafe.SizeOf<T>() == 2)
            return Unsafe.BitCast<ushort, T>(Volatile.Read(ref Unsafe.As<T, ushort>(ref location)));
        if (Unsafe.SizeOf<T>() == 1)
            return Unsafe.BitCast<byte, T>(Volatile.Read(ref Unsafe.As<T, byte>(ref location)));
        throw new NotSupportedException($"{typeof(T)} cannot be read atomically: it is neither a class nor of 1, 2, 4 or 8 bytes.");
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WriteNative<T>(ref T location, T value)
    {
        if (!typeof(T).IsValueType)
            Volatile.Write(ref Unsafe.As<T, object?>(ref location), Unsafe.As<T, object?>(ref value));
        else if (Unsafe.SizeOf<T>() == 8)
            Volatile.Write(ref Unsafe.As<T, ulong>(ref location), Unsafe.BitCast<T, ulong>(value));
        else if (Unsafe.SizeOf<T>() == 4)
            Volatile.Write(ref Unsafe.As<T, uint>(ref location), Unsafe.BitCast<T, uint>(value));
        else if (Unsafe.SizeOf<T>() == 2)
            Volatile.Write(ref Unsafe.As<T, ushort>(ref location), Unsafe.BitCast<T, ushort>(value));
        else if (Unsafe.SizeOf<T>() == 1)
            Volatile.Write(ref Unsafe.As<T, byte>(ref location), Unsafe.BitCast<T, byte>(value));
        else
            throw new NotSupportedException($"{typeof(T)} cannot be written atomically: it is neither a class nor of 1, 2, 4 or 8 bytes.");
    }
}
