namespace Warren.Locking;

/// <summary>One lock that a thread holds.</summary>
internal struct HeldLock
{
    internal Acquisition How;

    /// <summary>Null unless sites are exact.</summary>
    internal LockSite? Site;

    /// <summary>The key of the chain up to and with this one.</summary>
    internal ulong Key;

    /// <summary>Of the classes up to and with this one, a bit each (modulo 64): no bit, no lock of the class.</summary>
    internal ulong Mask;

    /// <summary>The longest wait that this one and those before it allow.</summary>
    internal WaitContext Limit;
}

/// <summary>The locks of one thread, outermost first, as one validator knows them.</summary>
internal sealed class HeldLocks(LockValidator owner)
{
    private HeldLock[] _locks = new HeldLock[16];
    private int[] _scopes = new int[4];
    private ulong[] _scopeKeys = new ulong[4];
    private int _scopeCount;

    internal LockValidator Owner { get; } = owner;

    /// <summary>That of another validator on the same thread.</summary>
    internal HeldLocks? Next;

    /// <summary>Set while the validator itself, or who listens to it, runs on this thread.</summary>
    internal bool Busy;

    internal int Count { get; private set; }

    internal ulong Key { get; private set; }

    internal ulong Mask { get; private set; }

    internal WaitContext Limit { get; private set; } = WaitContext.Block;

    internal ReadOnlySpan<HeldLock> Locks => _locks.AsSpan(0, Count);

    internal bool IsIdle => Count == 0 && _scopeCount == 0;

    internal static ulong Bit(LockClass lockClass) => 1UL << (lockClass.Root.Id & 63);

    /// <summary>
    /// A mixing step (the finaliser of splitmix64): equal keys of different chains are as likely as equal random numbers.
    /// </summary>
    internal static ulong Extend(ulong key, ulong token)
    {
        var x = (key ^ token) + 0x9E3779B97F4A7C15UL;
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9UL;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EBUL;
        x ^= x >> 31;
        return x == 0 ? 1 : x;
    }

    internal void Push(in Acquisition how, LockSite? site)
    {
        if (Count == _locks.Length)
            Array.Resize(ref _locks, Count * 2);
        ref var held = ref _locks[Count++];
        held.How = how;
        held.Site = site;
        Link(ref held, Key, Mask, Limit);
    }

    /// <summary>The innermost hold of the instance, or -1.</summary>
    internal int Find(object instance)
    {
        for (var i = Count - 1; i >= 0; i--)
        {
            if (ReferenceEquals(_locks[i].How.Instance, instance))
                return i;
        }

        return -1;
    }

    internal void RemoveAt(int index)
    {
        Array.Copy(_locks, index + 1, _locks, index, Count - index - 1);
        Count--;
        _locks[Count] = default;
        Relink(index);
    }

    internal void Downgrade(int index)
    {
        ref var held = ref _locks[index];
        held.How = held.How with { Mode = LockMode.Shared };
        Relink(index);
    }

    internal void Clear()
    {
        Array.Clear(_locks, 0, Count);
        Count = 0;
        _scopeCount = 0;
        Relink(0);
    }

    internal void EnterScope()
    {
        if (_scopeCount == _scopes.Length)
        {
            Array.Resize(ref _scopes, _scopeCount * 2);
            Array.Resize(ref _scopeKeys, _scopeCount * 2);
        }

        _scopes[_scopeCount] = Count;
        _scopeKeys[_scopeCount++] = Key;
    }

    /// <summary>False when this thread does not hold exactly what it held when the scope began; how many that were.</summary>
    internal bool LeaveScope(out int before)
    {
        before = 0;
        // A validator installed inside a scope did not see it begin.
        if (_scopeCount == 0)
            return true;
        before = _scopes[--_scopeCount];
        return before == Count && _scopeKeys[_scopeCount] == Key;
    }

    private void Relink(int from)
    {
        var (key, mask, limit) = from == 0 ? (0UL, 0UL, WaitContext.Block)
            : (_locks[from - 1].Key, _locks[from - 1].Mask, _locks[from - 1].Limit);
        (Key, Mask, Limit) = (key, mask, limit);
        for (var i = from; i < Count; i++)
            Link(ref _locks[i], Key, Mask, Limit);
    }

    private void Link(ref HeldLock held, ulong key, ulong mask, WaitContext limit)
    {
        held.Key = Key = Extend(key, held.How.Token);
        held.Mask = Mask = mask | Bit(held.How.Class);
        held.Limit = Limit = held.How.Inner < limit ? held.How.Inner : limit;
    }
}
