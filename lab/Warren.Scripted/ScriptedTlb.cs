using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Warren.Scripted;

/// <summary>
/// A direct-mapped software TLB in native memory: guest page, by the address the guest uses, to host page, with separate tags for reading
/// and writing.
/// </summary>
internal sealed unsafe class ScriptedTlb
{
    public const int Entries = 256;

    private readonly Entry* _entries = (Entry*)NativeMemory.AlignedAlloc(Entries * (nuint)sizeof(Entry), 64);

    public ScriptedTlb() => Flush();

    ~ScriptedTlb() => NativeMemory.AlignedFree(_entries);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* Lookup(ulong address, bool write)
    {
        var entry = _entries + (address >> 12) % Entries;
        return (write ? entry->WriteTag : entry->ReadTag) == address >> 12 ? entry->HostPage : null;
    }

    public void Fill(ulong address, byte* hostPage, bool writable)
    {
        var entry = _entries + (address >> 12) % Entries;
        entry->ReadTag = address >> 12;
        entry->WriteTag = writable ? address >> 12 : ulong.MaxValue;
        entry->HostPage = hostPage;
    }

    /// <summary>True when any entry leads to the page; for checks.</summary>
    public bool Holds(byte* hostPage)
    {
        for (var i = 0; i < Entries; i++)
        {
            if (_entries[i].HostPage == hostPage && _entries[i].ReadTag != ulong.MaxValue) return true;
        }
        return false;
    }

    public void Flush() => new Span<byte>(_entries, Entries * sizeof(Entry)).Fill(0xff);

    private struct Entry
    {
        public ulong ReadTag;
        public ulong WriteTag;
        public byte* HostPage;
    }
}
