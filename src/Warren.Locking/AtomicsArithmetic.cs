using System.Runtime.CompilerServices;
using System.Threading;

namespace Warren.Locking;

/// <summary>Arithmetic and bit updates. Add, Increment and Decrement return the new value, Or and And the value found.</summary>
public static partial class Atomics
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Add(ref int location, int value, object? owner = null)
    {
        if (Check.Steps)
            Before(ref location, (long)value, owner);
        var result = Interlocked.Add(ref location, value);
        if (Check.Steps)
            After(ref location, (long)result, owner);
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Or(ref int location, int value, object? owner = null)
    {
        if (Check.Steps)
            Before(ref location, (long)value, owner);
        var result = Interlocked.Or(ref location, value);
        if (Check.Steps)
            After(ref location, (long)result, owner);
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int And(ref int location, int value, object? owner = null)
    {
        if (Check.Steps)
            Before(ref location, (long)value, owner);
        var result = Interlocked.And(ref location, value);
        if (Check.Steps)
            After(ref location, (long)result, owner);
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Increment(ref int location, object? owner = null) => Add(ref location, 1, owner);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Decrement(ref int location, object? owner = null) => Add(ref location, -1, owner);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Add(ref uint location, uint value, object? owner = null)
    {
        if (Check.Steps)
            Before(ref location, (long)value, owner);
        var result = Interlocked.Add(ref location, value);
        if (Check.Steps)
            After(ref location, (long)result, owner);
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Or(ref uint location, uint value, object? owner = null)
    {
        if (Check.Steps)
            Before(ref location, (long)value, owner);
        var result = Interlocked.Or(ref location, value);
        if (Check.Steps)
            After(ref location, (long)result, owner);
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint And(ref uint location, uint value, object? owner = null)
    {
        if (Check.Steps)
            Before(ref location, (long)value, owner);
        var result = Interlocked.And(ref location, value);
        if (Check.Steps)
            After(ref location, (long)result, owner);
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Increment(ref uint location, object? owner = null) => Add(ref location, 1, owner);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Decrement(ref uint location, object? owner = null) => Add(ref location, uint.MaxValue, owner);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long Add(ref long location, long value, object? owner = null)
    {
        if (Check.Steps)
            Before(ref location, (long)value, owner);
        var result = Interlocked.Add(ref location, value);
        if (Check.Steps)
            After(ref location, (long)result, owner);
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long Or(ref long location, long value, object? owner = null)
    {
        if (Check.Steps)
            Before(ref location, (long)value, owner);
        var result = Interlocked.Or(ref location, value);
        if (Check.Steps)
            After(ref location, (long)result, owner);
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long And(ref long location, long value, object? owner = null)
    {
        if (Check.Steps)
            Before(ref location, (long)value, owner);
        var result = Interlocked.And(ref location, value);
        if (Check.Steps)
            After(ref location, (long)result, owner);
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long Increment(ref long location, object? owner = null) => Add(ref location, 1, owner);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long Decrement(ref long location, object? owner = null) => Add(ref location, -1, owner);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Add(ref ulong location, ulong value, object? owner = null)
    {
        if (Check.Steps)
            Before(ref location, (long)value, owner);
        var result = Interlocked.Add(ref location, value);
        if (Check.Steps)
            After(ref location, (long)result, owner);
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Or(ref ulong location, ulong value, object? owner = null)
    {
        if (Check.Steps)
            Before(ref location, (long)value, owner);
        var result = Interlocked.Or(ref location, value);
        if (Check.Steps)
            After(ref location, (long)result, owner);
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong And(ref ulong location, ulong value, object? owner = null)
    {
        if (Check.Steps)
            Before(ref location, (long)value, owner);
        var result = Interlocked.And(ref location, value);
        if (Check.Steps)
            After(ref location, (long)result, owner);
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Increment(ref ulong location, object? owner = null) => Add(ref location, 1, owner);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Decrement(ref ulong location, object? owner = null) => Add(ref location, ulong.MaxValue, owner);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Before<T>(ref T location, long value, object? owner) =>
        Check.Hook.Before(Step(CheckOperation.AtomicUpdate, ref location, value, owner));

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void After<T>(ref T location, long value, object? owner) =>
        Check.Hook.After(Step(CheckOperation.AtomicUpdate, ref location, value, owner), true);
}
