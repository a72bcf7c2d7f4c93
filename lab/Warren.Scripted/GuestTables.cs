using Warren.Hypervisor;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Vcpus;

namespace Warren.Scripted;

/// <summary>
/// Builds tables of <see cref="ScriptedPageFormat"/> in guest memory. It remembers what it wrote and never reads, so that it builds as well
/// by stores of the guest (which the hypervisor notices as such) as by writes of the host.
/// </summary>
/// <param name="store">writes one aligned word: guest physical address, value</param>
/// <param name="firstGfn">where the tables go; the first page is the root</param>
/// <param name="pages">how many tables there is room for</param>
/// <param name="levels">3, 4 or 5</param>
public sealed class GuestTables(Action<ulong, ulong> store, ulong firstGfn, int pages, int levels = 3)
{
    private readonly Dictionary<ulong, ulong> _words = [];
    private int _used = 1;

    public GuestTables(VirtualMachine vm, ulong firstGfn, int pages, int levels = 3)
        : this((gpa, value) => WriteHost(vm, new Gpa(gpa), value), firstGfn, pages, levels)
    {
    }

    public GuestRoot Root { get; } = new(levels, new Gfn(firstGfn));

    /// <summary>Tables in use, the root among them.</summary>
    public int Used => _used;

    /// <summary>Maps a page, or with a higher level what an entry there maps; tables on the way are made.</summary>
    /// <param name="address">guest virtual</param>
    /// <param name="gfn">the first page mapped</param>
    /// <param name="rights">what the guest may do</param>
    /// <param name="level">1: 4 KiB, 2: 2 MiB, 3: 1 GiB</param>
    /// <param name="marks">A and D as they stand at first</param>
    public void Map(ulong address, ulong gfn, GuestRights rights, int level = 1, ulong marks = 0) =>
        Set(address, level, ScriptedPageFormat.Page(gfn, rights, marks));

    /// <summary>Empties an entry.</summary>
    public void Unmap(ulong address, int level = 1) => Set(address, level, 0);

    /// <summary>Writes an entry, whatever it means.</summary>
    public void Set(ulong address, int level, ulong entry) => Write(EntryOf(address, level), entry);

    /// <summary>Where the entry of an address lies in a table of a level; the tables above it are made.</summary>
    public ulong EntryOf(ulong address, int level)
    {
        var table = Root.Gfn;
        for (var at = Root.Levels; ; at--)
        {
            var gpa = table.Gpa.Value + (ulong)SpteTable.IndexOf(address >> VirtualMachine.PageShift, at) * sizeof(ulong);
            if (at == level) return gpa;
            var entry = _words.GetValueOrDefault(gpa);
            if ((entry & (ScriptedPageFormat.Present | ScriptedPageFormat.Leaf)) != ScriptedPageFormat.Present)
            {
                if (_used == pages) throw new InvalidOperationException($"There is room for {pages} tables, and one more is needed.");
                entry = ScriptedPageFormat.Table(firstGfn + (ulong)_used++);
                Write(gpa, entry);
            }
            table = ScriptedPageFormat.Instance.Decode(entry, at, 0).Gfn;
        }
    }

    private void Write(ulong gpa, ulong entry)
    {
        _words[gpa] = entry;
        store(gpa, entry);
    }

    private static void WriteHost(VirtualMachine vm, Gpa gpa, ulong value)
    {
        if (!vm.WriteGuest(gpa, BitConverter.GetBytes(value)))
            throw new InvalidOperationException($"There is no memory for a table at gpa 0x{gpa:x}.");
    }
}
