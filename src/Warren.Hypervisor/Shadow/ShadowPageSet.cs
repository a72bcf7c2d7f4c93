using System.Runtime.InteropServices;
using Warren.Locking;

namespace Warren.Hypervisor.Shadow;

/// <summary>
/// The shadow pages that may be found and used: by gfn through a hash (<c>mmu_page_hash</c>), and by age on the active list
/// (<c>active_mmu_pages</c>). Obsolete ones are among them until they are zapped. Everything under mmu_lock held for write, also to follow
/// the links, except where said.
/// </summary>
internal sealed unsafe class ShadowPageSet
{
    private const int HashShift = 12;

    private nuint _hash;
    private int _count;
    private int _generation;

    /// <summary>The page made last; the others follow by <see cref="ShadowPage.Older"/>.</summary>
    public ShadowPage* Newest { get; private set; }

    /// <summary>The page made first; the others follow by <see cref="ShadowPage.Newer"/>.</summary>
    public ShadowPage* Oldest { get; private set; }

    /// <summary>Pages on the active list. Read without a lock, too.</summary>
    public int Count => Atomics.Read(ref _count, this);

    /// <summary>
    /// The generation of new pages, one bit (<c>mmu_valid_gen</c>): one is enough, for it toggles again only when no page of the other is
    /// left. Read without a lock, too.
    /// </summary>
    public int Generation => Atomics.Read(ref _generation, this);

    /// <summary>Memory of the hash.</summary>
    public long HashBytes => _hash == 0 ? 0 : sizeof(ulong) << HashShift;

    /// <summary>Makes the hash; until then there are no pages. SlotsArchLock held, no other.</summary>
    /// <exception cref="OutOfMemoryException">the host has no memory; nothing has changed</exception>
    public void MakeHash() => _hash = (nuint)NativeMemory.AllocZeroed(1 << HashShift, (nuint)sizeof(ulong));

    /// <summary>Gives the hash back; nobody looks for a page any more.</summary>
    public void FreeHash()
    {
        NativeBlock.Free((void*)_hash);
        _hash = 0;
    }

    /// <summary>Makes every page there is obsolete, in one step.</summary>
    public void ToggleGeneration() => Atomics.Write(ref _generation, Generation ^ 1, this);

    /// <summary>
    /// Nothing may be built on the page: it is prepared to be zapped, or was made before the last fast zap. Exact with mmu_lock held, a
    /// hint otherwise.
    /// </summary>
    public bool IsObsolete(ShadowPage* page) => page->Role.Invalid || page->Generation != Generation;

    /// <summary>
    /// First of the pages whose gfn hashes to the same place; the others follow by <see cref="ShadowPage.HashNext"/>. mmu_lock held.
    /// </summary>
    public ShadowPage* FirstInBucket(Gfn gfn) => _hash == 0 ? null : *Bucket(gfn);

    /// <summary>The page for a key that is not obsolete, or null. mmu_lock held.</summary>
    public ShadowPage* Find(Gfn gfn, ShadowRole role)
    {
        for (var page = FirstInBucket(gfn); page != null; page = page->HashNext)
        {
            if (page->Gfn == gfn && page->Role == role && !IsObsolete(page)) return page;
        }
        return null;
    }

    /// <summary>Adds a page whose key and generation are set.</summary>
    public void Add(ShadowPage* page)
    {
        var bucket = Bucket(page->Gfn);
        page->HashNext = *bucket;
        *bucket = page;
        page->Older = Newest;
        if (Newest != null) Newest->Newer = page;
        else Oldest = page;
        Newest = page;
        Atomics.Write(ref _count, Count + 1, this);
    }

    /// <summary>Takes a page out of the hash and off the active list: nobody finds it any more.</summary>
    public void Remove(ShadowPage* page)
    {
        RemoveFromHash(page);
        RemoveFromActiveList(page);
    }

    /// <summary>Pages in the hash, for checks; stops counting at <paramref name="most"/>. mmu_lock held.</summary>
    public int CountHashed(int most)
    {
        var count = 0;
        for (var i = 0; i < 1 << HashShift && _hash != 0; i++)
        {
            for (var page = ((ShadowPage**)_hash)[i]; page != null && count < most; page = page->HashNext) count++;
        }
        return count;
    }

    private ShadowPage** Bucket(Gfn gfn) => (ShadowPage**)_hash + (gfn.Value * 0x9E3779B97F4A7C15 >> 64 - HashShift);

    private void RemoveFromHash(ShadowPage* page)
    {
        var link = Bucket(page->Gfn);
        while (*link != page) link = &(*link)->HashNext;
        *link = page->HashNext;
        page->HashNext = null;
    }

    private void RemoveFromActiveList(ShadowPage* page)
    {
        if (page->Newer != null) page->Newer->Older = page->Older;
        else Newest = page->Older;
        if (page->Older != null) page->Older->Newer = page->Newer;
        else Oldest = page->Newer;
        page->Newer = page->Older = null;
        Atomics.Write(ref _count, Count - 1, this);
    }
}
