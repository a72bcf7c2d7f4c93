using System.Runtime.CompilerServices;

namespace Warren.Locking;

/// <summary>
/// Plain access to a field that several threads use and a lock protects. It orders nothing; with <see cref="Check.Steps"/> on a race
/// detector sees it and asks whether the lock really does.
/// </summary>
public static class Shared
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Read<T>(ref readonly T location, object? owner = null)
    {
        if (Check.Steps)
            return Atomics.PlainReadChecked(ref Unsafe.AsRef(in location), owner);
        return location;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write<T>(ref T location, T value, object? owner = null)
    {
        if (Check.Steps)
            Atomics.PlainWriteChecked(ref location, value, owner);
        else
            location = value;
    }

    /// <summary>
    /// Says that the contents of the field (a list, an array) are about to be changed in place: a write as far as races go, and nothing at
    /// all where steps are not reported.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Changing<T>(ref readonly T location, object? owner = null)
        where T : class
    {
        if (Check.Steps)
            Atomics.PlainChange(ref Unsafe.AsRef(in location), owner);
    }
}
