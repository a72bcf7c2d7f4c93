using System.Runtime.CompilerServices;
using System.Threading;

namespace Warren.Locking;

/// <summary>The cold halves: each access reported before and after.</summary>
public static partial class Atomics
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static T ReadChecked<T>(ref T location, object? owner)
    {
        var hook = Check.Hook;
        hook.Before(Step(CheckOperation.AtomicRead, ref location, 0, owner));
        if (!TryForward(hook, ref location, owner, out var value))
            value = ReadNative(ref location);
        hook.After(Step(CheckOperation.AtomicRead, ref location, Bits(value), owner), true);
        return value;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void WriteChecked<T>(ref T location, T value, object? owner)
    {
        var hook = Check.Hook;
        var step = Step(CheckOperation.AtomicWrite, ref location, Bits(value), owner);
        hook.Before(step);
        if (!TryBuffer(hook, step, ref location, value, owner))
            WriteNative(ref location, value);
        hook.After(Step(CheckOperation.AtomicWrite, ref location, Bits(value), owner), true);
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
        var hook = Check.Hook;
        hook.Before(Step(CheckOperation.PlainRead, ref location, 0, owner));
        if (!TryForward(hook, ref location, owner, out var value))
            value = location;
        hook.After(Step(CheckOperation.PlainRead, ref location, Bits(value), owner), true);
        return value;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void PlainWriteChecked<T>(ref T location, T value, object? owner)
    {
        var hook = Check.Hook;
        var step = Step(CheckOperation.PlainWrite, ref location, Bits(value), owner);
        hook.Before(step);
        if (!TryBuffer(hook, step, ref location, value, owner))
            location = value;
        hook.After(Step(CheckOperation.PlainWrite, ref location, Bits(value), owner), true);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void PlainChange<T>(ref T location, object? owner) =>
    Check.Point(Step(CheckOperation.PlainWrite, ref location, 0, owner));

    /// <summary>
    /// Offers a store of the thread to the hook; false: the caller performs it, after everything the hook still held for this thread.
    /// </summary>
    internal static bool TryBuffer<T>(CheckHook hook, in CheckStep step, ref T location, T value, object? owner)
    {
        if (!hook.BuffersStores)
            return false;
        if (PendingStore.CanHold<T>() && hook.TryBuffer(PendingStore.Of(step, ref location, value, owner)))
            return true;
        hook.PerformPending();
        return false;
    }

    /// <summary>True when the thread itself has a store to the location pending, and its value.</summary>
    internal static bool TryForward<T>(CheckHook hook, ref T location, object? owner, out T value)
    {
        value = default!;
        if (!hook.BuffersStores)
            return false;
        if (!PendingStore.CanHold<T>())
        {
            hook.PerformPending();
            return false;
        }

        if (!hook.TryForward(owner, PlaceOf(ref location, owner), PendingStore.SizeOf<T>(), out var store))
            return false;
        value = store.Value<T>();
        return true;
    }

    /// <summary>The identity of a location within its owner, or its address.</summary>
    internal static nint PlaceOf<T>(ref T location, object? owner) => owner is null ? Address(ref location) : Offset(ref location, owner);

    /// <summary>The location that <see cref="PlaceOf"/> named.</summary>
    internal static unsafe ref byte Place(object? owner, nint offset)
    {
        if (owner is null)
            return ref *(byte*)offset;
        return ref Unsafe.AddByteOffset(ref Unsafe.As<Anchor>(owner).First, offset);
    }

    internal static long Bits<T>(T value)
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

    private static CheckStep Step<T>(CheckOperation operation, ref T location, long value, object? owner) =>
        new(operation, LockMode.None, null, owner, PlaceOf(ref location, owner), value,
            size: typeof(T).IsValueType ? (byte)Math.Min(byte.MaxValue, Unsafe.SizeOf<T>()) : (byte)0);

    private static unsafe nint Address<T>(ref T location) => (nint)Unsafe.AsPointer(ref location);

    /// <summary>Both references move together, so their difference holds.</summary>
    private static nint Offset<T>(ref T location, object owner) =>
        Unsafe.ByteOffset(ref Unsafe.As<Anchor>(owner).First, ref Unsafe.As<T, byte>(ref location));

    /// <summary>Gives access to the first field byte of any object.</summary>
    private sealed class Anchor
    {
#pragma warning disable CS0649 // Never assigned: no object of this type exists.
        internal byte First;
#pragma warning restore CS0649
    }
}
