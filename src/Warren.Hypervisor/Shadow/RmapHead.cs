using Warren.Locking;

namespace Warren.Hypervisor.Shadow;

/// <summary>
/// Which SPTEs map a gfn, or which table entries point at a shadow page (<c>struct kvm_rmap_head</c>): one word in native memory, used in
/// place. It is 0, the address of the only SPTE, or with bit 0 set the address of a chain of descriptors of which only the first may be
/// partly filled. <c>mmu_lock</c> held for write in every member.
/// </summary>
/// <remarks>
/// The addresses are a stack: position 0 lies at the chain's far end, additions go on top, and a removal fills its gap with the top. So an
/// iteration from the top down never has what it has not seen yet moved, while it removes what it has seen.
/// </remarks>
internal unsafe struct RmapHead
{
    /// <summary>
    /// SPTEs of one gfn above which its mappings are all dropped, so that no walk over them grows without bound (KVM's
    /// RMAP_RECYCLE_THRESHOLD).
    /// </summary>
    public const int RecycleThreshold = 1000;

    private const ulong ChainBit = 1;
    private ulong _word;

    private ulong Word
    {
        get => Shared.Read(ref _word);
        set => Shared.Write(ref _word, value);
    }

    public bool IsEmpty => Word == 0;

    /// <summary>Addresses held; O(1).</summary>
    public int Count
    {
        get
        {
            var word = Word;
            if ((word & ChainBit) == 0) return word == 0 ? 0 : 1;
            var top = Chain(word);
            return top->Behind + top->Count;
        }
    }

    /// <summary>Adds an address, which the caller knows not to be there.</summary>
    /// <returns>false, and nothing is added: a descriptor is needed, and the cache has none</returns>
    public bool TryAdd(ulong* spte, ref RmapCache cache)
    {
        var word = Word;
        if (word == 0)
        {
            Word = (ulong)spte;
            return true;
        }
        RmapDescriptor* top = null;
        if ((word & ChainBit) != 0)
        {
            top = Chain(word);
            if (top->Count < RmapDescriptor.Capacity)
            {
                (*top)[top->Count++] = spte;
                return true;
            }
        }
        var added = cache.Take();
        if (added == null) return false;
        added->Next = top;
        added->Count = 0;
        added->Behind = top == null ? 0 : top->Behind + top->Count;
        if (top == null) (*added)[added->Count++] = (ulong*)word;
        (*added)[added->Count++] = spte;
        Word = (ulong)added | ChainBit;
        return true;
    }

    /// <summary>Removes an address. False: it is not there, which is a bug of the caller.</summary>
    public bool Remove(ulong* spte, RmapPool pool)
    {
        var word = Word;
        if ((word & ChainBit) == 0)
        {
            if (word != (ulong)spte || word == 0) return false;
            Word = 0;
            return true;
        }
        var top = Chain(word);
        for (var at = top; at != null; at = at->Next)
        {
            for (var i = at->Count - 1; i >= 0; i--)
            {
                if ((*at)[i] != spte) continue;
                (*at)[i] = (*top)[--top->Count];
                Shrink(top, pool);
                return true;
            }
        }
        return false;
    }

    /// <summary>Forgets all addresses and gives the chain back, for a caller that has dealt with each.</summary>
    public void Clear(RmapPool pool)
    {
        var word = Word;
        Word = 0;
        if ((word & ChainBit) == 0) return;
        for (var at = Chain(word); at != null;)
        {
            var next = at->Next;
            pool.Free(at);
            at = next;
        }
    }

    /// <summary>The addresses from the top down. See <see cref="Iterator"/> for what may happen meanwhile.</summary>
    public static Iterator Iterate(RmapHead* head) => new(head);

    /// <summary>After a removal from the top: an empty descriptor goes, and a single address needs none.</summary>
    private void Shrink(RmapDescriptor* top, RmapPool pool)
    {
        if (top->Behind + top->Count == 1)
        {
            // Behind a top that has just become empty there are full ones: so the one address is here.
            Word = (ulong)(*top)[0];
            pool.Free(top);
        }
        else if (top->Count == 0)
        {
            Word = (ulong)top->Next | ChainBit;
            pool.Free(top);
        }
        else
        {
            // The chain's contents changed, not the word: told as a write, since they belong to it.
            Word = (ulong)top | ChainBit;
        }
    }

    private static RmapDescriptor* Chain(ulong word) => (RmapDescriptor*)(word & ~ChainBit);

    /// <summary>
    /// A walk over the addresses from the top down. Meanwhile those already returned, the last one included, may be removed; after any
    /// other removal, after an addition, or after <c>mmu_lock</c> was dropped, begin again.
    /// </summary>
    public struct Iterator
    {
        private readonly RmapHead* _head;
        private RmapDescriptor* _at;
        private int _next;

        internal Iterator(RmapHead* head)
        {
            _head = head;
            var word = head->Word;
            _at = (word & ChainBit) == 0 ? null : Chain(word);
            _next = head->Count - 1;
        }

        /// <summary>The next address, or null at the end.</summary>
        public ulong* Next()
        {
            if (_next < 0) return null;
            var position = _next--;
            var word = _head->Word;
            // One address is left, and its descriptor has gone.
            if ((word & ChainBit) == 0) return (ulong*)word;
            var entry = (*_at)[position - _at->Behind];
            // Read on before the caller removes this one, and with it perhaps the descriptor.
            if (position == _at->Behind) _at = _at->Next;
            return entry;
        }
    }
}
