using System.Runtime.InteropServices;
using Warren.Locking;

namespace Warren.Hypervisor;

/// <summary>A page that was written: entry of a dirty ring (<c>struct kvm_dirty_gfn</c>).</summary>
/// <param name="Slot">memslot: low 16 bits its id, high 16 the address space</param>
/// <param name="Offset">page relative to the start of the memslot</param>
public readonly record struct DirtyGfn(uint Slot, ulong Offset);

/// <summary>
/// The dirty ring of one vCPU. An entry goes 0 → dirty (the vCPU) → reset (who harvests) → 0 (the reset, which write-protects the page again).
/// Only the vCPU's thread pushes; harvest and reset run under SlotsLock.
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
    }

    ~DirtyRing() => NativeMemory.Free(_entries);

    public static bool IsValidSize(uint entries) => entries > Reserved && entries <= MaxEntries && uint.IsPow2(entries);

    public uint Used => Atomics.Read(ref _pushed) - Atomics.Read(ref _reset);

    /// <summary>The vCPU has to come out and have its ring harvested before it dirties more.</summary>
    public bool IsSoftFull => Used >= _mask + 1 - Reserved;

    /// <summary>By the vCPU's thread; there is room, since a vCPU whose ring is soft-full is stopped before its next write fault.</summary>
    public void Push(DirtyGfn gfn)
    {
        if (Used > _mask) throw new InvalidOperationException("The dirty ring overflowed: a vCPU went on writing although its ring was full.");
        Entry* entry = _entries + (_pushed & _mask);
        entry->Gfn = gfn;
        Atomics.Write(ref entry->Flags, Dirty);
        Atomics.Write(ref _pushed, _pushed + 1);
    }

    /// <summary>Copies what was pushed since the last harvest, oldest first, and hands the entries over to the next reset.</summary>
    public int Harvest(Span<DirtyGfn> destination)
    {
        int count = 0;
        while (count < destination.Length && _harvested != Atomics.Read(ref _pushed))
        {
            Entry* entry = _entries + (_harvested & _mask);
            if (Atomics.Read(ref entry->Flags) != Dirty) break;
            destination[count++] = entry->Gfn;
            Atomics.Write(ref entry->Flags, Reset);
            _harvested++;
        }
        return count;
    }

    /// <summary>The oldest harvested entry, if any; <see cref="PopHarvested"/> gives its place back.</summary>
    public bool PeekHarvested(out DirtyGfn gfn)
    {
        Entry* entry = _entries + (_reset & _mask);
        gfn = default;
        if (_reset == _harvested || Atomics.Read(ref entry->Flags) != Reset) return false;
        gfn = entry->Gfn;
        return true;
    }

    public void PopHarvested()
    {
        Atomics.Write(ref _entries[_reset & _mask].Flags, 0u);
        Atomics.Write(ref _reset, _reset + 1);
    }

    public void Dispose()
    {
        GC.SuppressFinalize(this);
        NativeMemory.Free(_entries);
    }

    private struct Entry
    {
        public DirtyGfn Gfn;
        public uint Flags;
    }
}
