using System.Runtime.CompilerServices;
using System.Threading;

namespace Warren.Locking;

/// <summary>
/// A store that a thread has made and that is not in memory yet: what <see cref="CheckHook.TryBuffer"/> takes over, as the store buffer of
/// a processor does. It names its place as steps do, so it survives the collector moving the object.
/// </summary>
public readonly struct PendingStore
{
    private PendingStore(in CheckStep step, object? owner, nint offset, int size, long bits, object? reference)
    {
        Step = step;
        Owner = owner;
        Offset = offset;
        Size = size;
        Bits = bits;
        Reference = reference;
    }

    /// <summary>
    /// The step that made it: an atomic or plain write, the release of a spinning lock, the end of a sequence write, the end of a wait.
    /// </summary>
    public CheckStep Step { get; }

    /// <summary>The managed object that holds the place; null: native memory.</summary>
    public object? Owner { get; }

    /// <summary>Byte offset from the start of the owner's fields, or the address.</summary>
    public nint Offset { get; }

    /// <summary>1, 2, 4 or 8 bytes; 0 for a reference.</summary>
    public int Size { get; }

    /// <summary>The value, its low <see cref="Size"/> bytes.</summary>
    public long Bits { get; }

    public object? Reference { get; }

    /// <summary>True when a value of this type can be pending: a class, or plain bytes that one machine store writes.</summary>
    public static bool CanHold<T>() =>
        !typeof(T).IsValueType || (!RuntimeHelpers.IsReferenceOrContainsReferences<T>() && Unsafe.SizeOf<T>() is 1 or 2 or 4 or 8);

    /// <summary>True when the store writes to this place and no other.</summary>
    public bool IsAt(object? owner, nint offset, int size) => ReferenceEquals(owner, Owner) && offset == Offset && size == Size;

    /// <summary>True when the store writes any byte of this place. Sizes as <see cref="Size"/>.</summary>
    public bool Overlaps(object? owner, nint offset, int size) =>
        ReferenceEquals(owner, Owner) && offset < Offset + Width(Size) && Offset < offset + Width(size);

    /// <summary>Puts the value into memory.</summary>
    public void Perform()
    {
        ref var place = ref Atomics.Place(Owner, Offset);
        switch (Size)
        {
            case 0:
                Volatile.Write(ref Unsafe.As<byte, object?>(ref place), Reference);
                break;
            case 1:
                Volatile.Write(ref place, unchecked((byte)Bits));
                break;
            case 2:
                Volatile.Write(ref Unsafe.As<byte, short>(ref place), unchecked((short)Bits));
                break;
            case 4:
                Volatile.Write(ref Unsafe.As<byte, int>(ref place), unchecked((int)Bits));
                break;
            default:
                Volatile.Write(ref Unsafe.As<byte, long>(ref place), Bits);
                break;
        }
    }

    internal static PendingStore Of<T>(in CheckStep step, ref T location, T value, object? owner)
    {
        var offset = Atomics.PlaceOf(ref location, owner);
        if (!typeof(T).IsValueType)
            return new PendingStore(step, owner, offset, 0, 0, value);
        return new PendingStore(step, owner, offset, Unsafe.SizeOf<T>(), Atomics.Bits(value), null);
    }

    internal static int SizeOf<T>() => typeof(T).IsValueType ? Unsafe.SizeOf<T>() : 0;

    internal T Value<T>()
    {
        if (!typeof(T).IsValueType)
        {
            var reference = Reference;
            return Unsafe.As<object?, T>(ref reference);
        }

        var bits = Bits;
        return Unsafe.As<long, T>(ref bits);
    }

    private static int Width(int size) => size == 0 ? Unsafe.SizeOf<nint>() : size;
}
