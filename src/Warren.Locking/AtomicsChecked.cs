using System.Runtime.CompilerServices;
using System.Threading;

namespace Warren.Locking;

/// <summary>The cold halves: each access reported before and after.</summary>
public static partial class Atomics
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static T ReadChecked<T>(ref T location, object? owner)
    {
        Check.Hook.Before(Step(CheckOperation.AtomicRead, ref location, 0, owner));
        var value = ReadNative(ref location);
        Check.Hook.After(Step(CheckOperation.AtomicRead, ref location, Bits(value), owner), true);
        return value;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void WriteChecked<T>(ref T location, T value, object? owner)
    {
        Check.Hook.Before(Step(CheckOperation.AtomicWrite, ref location, Bits(value), owner));
        WriteNative(ref location, value);
        Check.Hook.After(Step(CheckOperation.AtomicWrite, ref location, Bits(value), owner), true);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static T ExchangeChecked<T>(ref T location, T value, object? owner)
    {
        Check.Hook.Before(Step(CheckOperation.AtomicUpdate, ref location, Bits(value), owner));
        var found = Interlocked.Exchange(ref location, value);
        Check.Hook.After(Step(CheckOperation.AtomicUpdate, ref location, Bits(found), owner), true);
        return found;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static T CompareExchangeChecked<T>(ref T location, T value, T comparand, object? owner)
    {
        Check.Hook.Before(Step(CheckOperation.AtomicUpdate, ref location, Bits(value), owner));
        var found = Interlocked.CompareExchange(ref location, value, comparand);
        var stored = typeof(T).IsValueType ? Bits(found) == Bits(comparand) : ReferenceEquals(found, comparand);
        Check.Hook.After(Step(CheckOperation.AtomicUpdate, ref location, Bits(found), owner), stored);
        return found;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static T PlainReadChecked<T>(ref T location, object? owner)
    {
        Check.Hook.Before(Step(CheckOperation.PlainRead, ref location, 0, owner));
        var value = location;
        Check.Hook.After(Step(CheckOperation.PlainRead, ref location, Bits(value), owner), true);
        return value;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void PlainWriteChecked<T>(ref T location, T value, object? owner)
    {
        Check.Hook.Before(Step(CheckOperation.PlainWrite, ref location, Bits(value), owner));
        location = value;
        Check.Hook.After(Step(CheckOperation.PlainWrite, ref location, Bits(value), owner), true);
    }

    private static CheckStep Step<T>(CheckOperation operation, ref T location, long value, object? owner)
    {
        var offset = owner is null ? Address(ref location) : Offset(ref location, owner);
        return new CheckStep(operation, LockMode.None, null, owner, offset, value);
    }

    private static unsafe nint Address<T>(ref T location) => (nint)Unsafe.AsPointer(ref location);

    /// <summary>Both references move together, so their difference holds.</summary>
    private static nint Offset<T>(ref T location, object owner) =>
        Unsafe.ByteOffset(ref Unsafe.As<Anchor>(owner).First, ref Unsafe.As<T, byte>(ref location));

    private static long Bits<T>(T value)
    {
        if (!typeof(T).IsValueType)
            return 0;
        return Unsafe.SizeOf<T>() switch
        {
            8 => Unsafe.BitCast<T, long>(value),
            4 => Unsafe.BitCast<T, int>(value),
            2 => Unsafe.BitCast<T, short>(value),
            1 => Unsafe.BitCast<T, sbyte>(value),
            _ => 0,
        };
    }

    /// <summary>Gives access to the first field byte of any object.</summary>
    private sealed class Anchor
    {
#pragma warning disable CS0649 // Never assigned: no object of this type exists.
        internal byte First;
#pragma warning restore CS0649
    }
}
