using System.Runtime.CompilerServices;
using Warren.Locking;

namespace Warren.Hypervisor.Paging;

/// <summary>
/// The only ways to touch an entry of a live table: each is one atomic step, so that no A, D or W set by another thread is ever lost.
/// </summary>
internal static unsafe class SpteAccess
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Spte Read(ulong* entry) => new(Atomics.Read(ref *entry));

    /// <summary>
    /// Replaces whatever is there. Only where no other writer may race: mmu_lock held for write, or the entry of an invalid root.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Spte Exchange(ulong* entry, Spte value) => new(Atomics.Exchange(ref *entry, value.Raw));

    /// <summary>Replaces <paramref name="seen"/>, if that still stands.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryReplace(ulong* entry, Spte seen, Spte value) =>
    Atomics.CompareExchange(ref *entry, value.Raw, seen.Raw) == seen.Raw;

    /// <summary>
    /// Clears bits of a leaf, whatever else happens to it meanwhile; what stood before is returned (not a leaf: nothing changed).
    /// </summary>
    public static Spte ClearLeafBits(ulong* entry, ulong bits)
    {
        for (; ; )
        {
            var old = Read(entry);
            if (!old.IsLeaf || (old.Raw & bits) == 0 || TryReplace(entry, old, old.Without(bits))) return old;
        }
    }

    /// <summary>
    /// Sets bits of a leaf in one step that cannot fail. mmu_lock held for write: then a leaf stays one, and what lockless code sets in it
    /// meanwhile (A, D, W) stands afterwards.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void SetBitsExclusive(ulong* entry, ulong bits) => Atomics.Or(ref *entry, bits);

    /// <summary>
    /// Clears bits, as <see cref="SetBitsExclusive"/> sets them; what lockless code sets meanwhile stands afterwards, unless it is among
    /// the bits.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ClearBitsExclusive(ulong* entry, ulong bits) => Atomics.And(ref *entry, ~bits);
}
