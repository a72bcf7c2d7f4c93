using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Warren.Locking;

namespace Warren.Hypervisor.DirtyLogging;

/// <summary>
/// The dirty log of one memslot: a bit a page. Native; the memslot owns it, and frees it behind a grace
/// period of the VM's SRCU.
/// </summary>
public sealed unsafe class DirtyBitmap : IDisposable
{
    private readonly nuint _words;
    private ulong* _bits;

    /// <param name="pages">pages of the slot, at least 1</param>
    /// <exception cref="OutOfMemoryException">the host has no memory for it</exception>
    public DirtyBitmap(ulong pages)
    {
        Pages = pages;
        _words = (nuint)((pages + 63) / 64);
        _bits = (ulong*)NativeMemory.AllocZeroed(_words, sizeof(ulong));
        Check.Mark(LockingMarks.Reused, this, (nint)_bits, (long)_words * sizeof(ulong));
    }

    ~DirtyBitmap() => Free();

    public ulong Pages { get; }

    public nuint Words => _words;

    /// <summary>All pages dirty (KVM_DIRTY_LOG_INITIALLY_SET); bits beyond the last page stay 0.</summary>
    public void FillOnes()
    {
        for (nuint i = 0; i < _words; i++) _bits[i] = ulong.MaxValue;
        if (Pages % 64 != 0) _bits[_words - 1] = (1UL << (int)(Pages % 64)) - 1;
    }

    /// <summary>Any thread. The test spares the shared line when the page is dirty already.</summary>
    public void Set(ulong page)
    {
        ref var word = ref _bits[page / 64];
        var bit = 1UL << (int)(page % 64);
        if ((Atomics.Read(ref word) & bit) == 0) Atomics.Or(ref word, bit);
    }

    public ulong Word(nuint index) => Atomics.Read(ref _bits[index]);

    /// <summary>
    /// The first word at or behind <paramref name="from"/> with a bit set, or <see cref="Words"/>. SlotsLock held: nobody else clears bits,
    /// so one that was set before the call is found, whatever is set meanwhile.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public nuint NextSet(nuint from)
    {
        if (from < _words && Word(from) != 0) return from;
        while (from + 8 <= _words && Vector512.Load(_bits + from) == Vector512<ulong>.Zero) from += 8;
        while (from < _words && Word(from) == 0) from++;
        return from;
    }

    /// <summary>Takes the bits of a word, all at once.</summary>
    public ulong TakeWord(nuint index) => Atomics.Exchange(ref _bits[index], 0UL);

    /// <summary>Clears the bits of the mask; returns those that were set.</summary>
    public ulong ClearBits(nuint index, ulong mask)
    {
        ref var word = ref _bits[index];
        for (; ; )
        {
            var old = Atomics.Read(ref word);
            if ((old & mask) == 0) return 0;
            if (Atomics.CompareExchange(ref word, old & ~mask, old) == old) return old & mask;
        }
    }

    public void Dispose()
    {
        if (_bits == null) return;
        Check.Mark(LockingMarks.Retired, this, (nint)_bits, (long)_words * sizeof(ulong));
        // Under an explorer the finalizer frees it: an access that comes too late is then a finding and not a broken heap.
        if (Check.Steps) return;
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        NativeBlock.Free(_bits);
        _bits = null;
    }
}
