using System.Runtime.InteropServices;
using Warren.Locking;

namespace Warren.Hypervisor.DirtyLogging;

/// <summary>A page that was written: entry of a dirty ring (<c>struct kvm_dirty_gfn</c>).</summary>
/// <param name="Slot">memslot: low 16 bits its id, high 16 the address space</param>
/// <param name="Offset">page relative to the start of the memslot</param>
public readonly record struct DirtyGfn(uint Slot, ulong Offset);

/// <summary>
/// The dirty ring of one vCPU. An entry goes 0 → dirty (the vCPU) → reset (who harvests) → 0 (the reset, which write-protects the page
/// again). Only the vCPU's thread pushes; harvest and reset run under SlotsLock.
/// </summary>
internal sealed unsafe class DirtyRing : IDisposable
{
    /// <summary>Room kept for what one run to the next request check may still add.</summary>
    public const int Reserved = 64;

    public const uint MaxEntries = 65536;

    private const uint Dirty = 1;
    private const uint Reset = 2;

    private readonly uint _mask;
    private readonly Entry* _entries;
    private uint _pushed;
    private uint _harvested;
    private uint _reset;

    /// <param name="entries">a power of two, above <see cref="Reserved"/>, at most <see cref="MaxEntries"/></param>
    public DirtyRing(uint entries)
    {
        _mask = entries - 1;
        _entries = (Entry*)NativeMemory.AllocZeroed(entries, (nuint)sizeof(Entry));
        Check.Mark(LockingMarks.Reused, this, (nint)_entries, entries * sizeof(Entry));
    }

    ~DirtyRing() => NativeBlock.Free(_entries);

    public static bool IsValidSize(uint entries) => entries > Reserved && entries <= MaxEntries && uint.IsPow2(entries);

    public uint Used => Atomics.Read(ref _pushed, this) - Atomics.Read(ref _reset, this);

    /// <summary>The vCPU has to come out and have its ring harvested before it dirties more.</summary>
    public bool IsSoftFull => Used >= _mask + 1 - Reserved;

    /// <summary>By the vCPU's thread; there is room, since a vCPU whose ring is soft-full is stopped before its next write fault.</summary>
    public void Push(DirtyGfn gfn)
    {
        if (Used > _mask)
            throw new InvalidOperationException("The dirty ring overflowed: a vCPU went on writing although its ring was full.");
        var pushed = Atomics.Read(ref _pushed, this);
        var entry = _entries + (pushed & _mask);
        Shared.Write(ref entry->Gfn, gfn);
        Atomics.Write(ref entry->Flags, Dirty);
        Atomics.Write(ref _pushed, pushed + 1, this);
    }

    /// <summary>Copies what was pushed since the last harvest, oldest first, and hands the entries over to the next reset.</summary>
    public int Harvest(Span<DirtyGfn> destination)
    {
        var count = 0;
        while (count < destination.Length && Shared.Read(ref _harvested, this) is var harvested && harvested
            != Atomics.Read(ref _pushed, this))
        {
            var entry = _entries + (harvested & _mask);
            if (Atomics.Read(ref entry->Flags) != Dirty) break;
            destination[count++] = Shared.Read(ref entry->Gfn);
            Atomics.Write(ref entry->Flags, Reset);
            Shared.Write(ref _harvested, harvested + 1, this);
        }
        return count;
    }

    /// <summary>True when a page is in the ring, harvested or not, until it is reset; for checks while every thread stands still.</summary>
    internal bool Holds(DirtyGfn gfn)
    {
        for (var i = _reset; i != _pushed; i++)
        {
            if (_entries[i & _mask].Gfn == gfn) return true;
        }
        return false;
    }

    /// <summary>The oldest harvested entry, if any; <see cref="PopHarvested"/> gives its place back.</summary>
    public bool PeekHarvested(out DirtyGfn gfn)
    {
        var reset = Atomics.Read(ref _reset, this);
        var entry = _entries + (reset & _mask);
        gfn = default;
        if (reset == Shared.Read(ref _harvested, this) || Atomics.Read(ref entry->Flags) != Reset) return false;
        gfn = Shared.Read(ref entry->Gfn);
        return true;
    }

    public void PopHarvested()
    {
        var reset = Atomics.Read(ref _reset, this);
        Atomics.Write(ref _entries[reset & _mask].Flags, 0u);
        Atomics.Write(ref _reset, reset + 1, this);
    }

    public void Dispose()
    {
        Check.Mark(LockingMarks.Retired, this, (nint)_entries, (_mask + 1) * sizeof(Entry));
        // Under an explorer the finalizer frees it, see DirtyBitmap.
        if (Check.Steps) return;
        GC.SuppressFinalize(this);
        NativeBlock.Free(_entries);
    }

    private struct Entry
    {
        public DirtyGfn Gfn;
        public uint Flags;
    }
}
