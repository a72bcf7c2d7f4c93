using System.Runtime.InteropServices;

namespace Warren.Locking;

/// <summary>
/// The word of a lock and its waiter count, on a cache line of their own wherever the object lies: 60 bytes or more of
/// padding on both sides, since the collector aligns objects to 8 bytes only.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = 128)]
internal struct PaddedWord
{
    [FieldOffset(64)]
    internal int Word;

    [FieldOffset(68)]
    internal int Waiters;

    /// <summary>Managed thread id of the exclusive holder, 0 when none; maintained only where owners are tracked.</summary>
    [FieldOffset(72)]
    internal int Owner;
}
