using Warren.HostMemory;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Slots;
using Warren.Hypervisor.Vcpus;

namespace Warren.Hypervisor.Tests.Scripted;

/// <summary>Scripted guests with tables of their own: format and walk, and that both MMUs give them the same.</summary>
public sealed class GuestTablesTests
{
    private const ulong Page = VirtualMachine.PageSize;
    private const int Pages = 2048;
    private const GuestRights Rw = GuestRights.Read | GuestRights.Write;

    public static TheoryData<string> Kinds() => [.. MmuKind.All.Select(k => k.Name)];

    [Theory]
    [InlineData(0UL, 1, false)]
    [InlineData(ScriptedPageFormat.Present, 2, true)]
    [InlineData(ScriptedPageFormat.Present, 1, false)]
    [InlineData(ScriptedPageFormat.Present | ScriptedPageFormat.Leaf, 1, true)]
    [InlineData(ScriptedPageFormat.Present | ScriptedPageFormat.Leaf, 3, true)]
    [InlineData(ScriptedPageFormat.Present | ScriptedPageFormat.Leaf, 4, false)]
    [InlineData(ScriptedPageFormat.Present | ScriptedPageFormat.Leaf | 8, 1, false)]
    [InlineData(ScriptedPageFormat.Present | ScriptedPageFormat.Leaf | 1UL << 12, 2, false)]
    [InlineData(ScriptedPageFormat.Present | ScriptedPageFormat.Leaf | 512UL << 12, 2, true)]
    public void Reserved_entries_are_not_present(ulong bits, int level, bool present) =>
    Assert.Equal(present, ScriptedPageFormat.Instance.Decode(bits, level, 0).IsPresent);

    [Fact]
    public void An_entry_says_what_was_put_in()
    {
        var pte =
            ScriptedPageFormat.Instance.Decode(ScriptedPageFormat.Page(0x12345, GuestRights.Read | GuestRights.User, ScriptedPageFormat.A),
                1, 7);
        Assert.True(pte is { IsPresent: true, IsLeaf: true, Gfn.Value: 0x12345, Accessed: true, Dirty: false });
        Assert.Equal(GuestRights.Read | GuestRights.User, pte.Rights);
        pte = ScriptedPageFormat.Instance.Decode(ScriptedPageFormat.Table((1UL << 40) - 1), 3, 7);
        Assert.True(pte is { IsPresent: true, IsLeaf: false, Gfn.Value: (1UL << 40) - 1 });
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Virtual_addresses_lead_to_pages_of_every_size(string kind)
    {
        using Guest g = new(kind);
        const ulong High = unchecked((ulong)-0x40_0000_0000);
        g.Tables.Map(0x1000, 700, Rw);
        g.Tables.Map(0x40_0000, 512, Rw, level: 2);
        g.Tables.Map(High, 0, Rw, level: 3);
        g.Cpu.SetGuestRoot(g.Tables.Root);
        g.Cpu.Store(0x1008, 1UL);
        g.Cpu.Store(0x40_0000UL + 5 * Page, 2UL);
        g.Cpu.Store(High + 900 * Page, 3UL);
        Assert.Equal(GuestAccessResult.Memory, g.Cpu.Result);
        Assert.Equal(1UL, g.Read(700 * Page + 8));
        Assert.Equal(2UL, g.Read(517 * Page));
        Assert.Equal(3UL, g.Read(900 * Page));
        // The same pages by other names.
        Assert.Equal(1UL, g.Cpu.Load<ulong>(0x40_0000 + (700 - 512) * Page + 8));
        Assert.Equal(2UL, g.Cpu.Load<ulong>(High + 517 * Page));
        g.Cpu.Load<ulong>(High + (Pages + 5) * Page);
        Assert.Equal(GuestAccessResult.AccessFault, g.Cpu.Result);
        g.Cpu.Load<ulong>(0x2000);
        Assert.Equal(GuestAccessResult.PageFault, g.Cpu.Result);
        foreach (var neither in new[] { 1UL << 38, 1UL << 39, High - 8, 1UL << 63 })
        {
            g.Cpu.Load<ulong>(neither);
            Assert.Equal(GuestAccessResult.PageFault, g.Cpu.Result);
        }
        g.Cpu.SetGuestRoot(default);
        Assert.Equal(3UL, g.Cpu.Load<ulong>(900 * Page));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Rights_are_judged_by_mode(string kind)
    {
        using Guest g = new(kind);
        (ulong Address, GuestRights Rights)[] pages =
        [
            (0x1000, GuestRights.Read), (0x2000, Rw), (0x3000, GuestRights.Execute), (0x4000, GuestRights.Read | GuestRights.Execute),
            (0x5000, GuestRights.User | GuestRights.Read), (0x6000, GuestRights.User | Rw),
            (0x7000, GuestRights.User | GuestRights.Execute), (0x8000, GuestRights.None),
        ];
        foreach ((var address, var rights) in pages) g.Tables.Map(address, 600, rights);
        g.Cpu.SetGuestRoot(g.Tables.Root);
        foreach ((var address, var rights) in pages)
        {
            for (var mode = 0; mode < 8; mode++)
            {
                var m = (GuestPrivilege)mode;
                g.Cpu.Engine.Mode = m;
                var user = (m & GuestPrivilege.User) != 0;
                var reach = (rights & GuestRights.User) != 0 ? user || (m & GuestPrivilege.Sum) != 0 : !user;
                var reachCode = (rights & GuestRights.User) != 0 == user;
                var read = reach
                    && ((rights & GuestRights.Read) != 0 || (m & GuestPrivilege.Mxr) != 0 && (rights & GuestRights.Execute) != 0);
                g.Cpu.Load<ulong>(address);
                Assert.Equal((rights, m, read), (rights, m, g.Cpu.Result == GuestAccessResult.Memory));
                g.Cpu.Store(address, 1UL);
                Assert.Equal((rights, m, reach && (rights & GuestRights.Write) != 0),
                    (rights, m, g.Cpu.Result == GuestAccessResult.Memory));
                g.Cpu.Fetch(address);
                Assert.Equal((rights, m, reachCode && (rights & GuestRights.Execute) != 0),
                    (rights, m, g.Cpu.Result == GuestAccessResult.Memory));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_walk_sets_accessed_and_dirty_exactly_when_they_are_due(string kind)
    {
        using Guest g = new(kind);
        g.Tables.Map(0x1000, 600, Rw);
        var entry = g.Tables.EntryOf(0x1000, 1);
        g.Cpu.SetGuestRoot(g.Tables.Root);
        Assert.Equal(0UL, Marks(g, entry));
        g.Cpu.Load<ulong>(0x1000);
        Assert.Equal(ScriptedPageFormat.A, Marks(g, entry));
        g.Cpu.Store(0x1000, 1UL);
        Assert.Equal(ScriptedPageFormat.A | ScriptedPageFormat.D, Marks(g, entry));
        // Cleared, and fenced: set again when next used, each by its own kind of access.
        g.Tables.Map(0x1000, 600, Rw);
        g.Cpu.FenceTables(0x1000);
        g.Cpu.Load<ulong>(0x1000);
        Assert.Equal(ScriptedPageFormat.A, Marks(g, entry));
        g.Cpu.Store(0x1000, 1UL);
        Assert.Equal(ScriptedPageFormat.A | ScriptedPageFormat.D, Marks(g, entry));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Without_hardware_marks_a_missing_one_faults(string kind)
    {
        using Guest g = new(kind, setsMarks: false);
        g.Tables.Map(0x1000, 600, Rw);
        g.Tables.Map(0x2000, 600, Rw, marks: ScriptedPageFormat.A);
        g.Tables.Map(0x3000, 600, Rw, marks: ScriptedPageFormat.A | ScriptedPageFormat.D);
        g.Cpu.SetGuestRoot(g.Tables.Root);
        foreach ((var address, var loads, var stores) in new[]
            { (0x1000UL, false, false), (0x2000UL, true, false), (0x3000UL, true, true) })
        {
            g.Cpu.Load<ulong>(address);
            Assert.Equal(loads ? GuestAccessResult.Memory : GuestAccessResult.PageFault, g.Cpu.Result);
            g.Cpu.Store(address, 1UL);
            Assert.Equal(stores ? GuestAccessResult.Memory : GuestAccessResult.PageFault, g.Cpu.Result);
        }
        Assert.Equal(0UL, Marks(g, g.Tables.EntryOf(0x1000, 1)));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void The_guest_changes_its_tables_by_stores_and_atomics(string kind)
    {
        using Guest g = new(kind);
        // The guest reaches all its memory, tables included, through one window.
        const ulong Window = 1UL << 30;
        g.Tables.Map(Window, 0, Rw, level: 3);
        g.Tables.Map(0x1000, 600, Rw);
        for (ulong i = 0; i < 8; i++) g.Write((600 + i) * Page, i);
        g.Cpu.SetGuestRoot(g.Tables.Root);
        Assert.Equal(0UL, g.Cpu.Load<ulong>(0x1000));
        var leaf = g.Tables.EntryOf(0x1000, 1);
        var table = g.Tables.EntryOf(0x1000, 2);
        for (ulong i = 1; i < 8; i++)
        {
            g.Cpu.Store(Window + leaf, ScriptedPageFormat.Page(600 + i, Rw));
            g.Cpu.FenceTables(0x1000);
            Assert.Equal(i, g.Cpu.Load<ulong>(0x1000));
        }
        // An atomic on the table above: away, and back.
        var pointer = g.Read(table);
        Assert.Equal(pointer, g.Cpu.CompareExchange(Window + table, 0, pointer));
        g.Cpu.FenceTables();
        g.Cpu.Load<ulong>(0x1000);
        Assert.Equal(GuestAccessResult.PageFault, g.Cpu.Result);
        Assert.Equal(0UL, g.Cpu.FetchAdd(Window + table, pointer));
        g.Cpu.FenceTables();
        Assert.Equal(7UL, g.Cpu.Load<ulong>(0x1000));
        Assert.Equal(pointer, g.Read(table));
    }

    private static ulong Marks(Guest g, ulong entry) => g.Read(entry) & (ScriptedPageFormat.A | ScriptedPageFormat.D);

    /// <summary>8 MiB of guest memory from gfn 0, tables in its pages 16 and up, one vCPU.</summary>
    private sealed class Guest : IDisposable
    {
        private readonly FramePool _pool = new(64L << 20);
        private readonly AddressSpace _memory;

        public Guest(string kind, bool setsMarks = true)
        {
            _memory = new AddressSpace(_pool);
            Vm = new VirtualMachine(_memory, new VmOptions { Mmu = MmuKind.Find(kind)!, Audit = true });
            var hva = _memory.Map(Pages * Page, VmaProtection.Read | VmaProtection.Write, hugePages: true);
            Vm.SetUserMemoryRegion(new UserMemoryRegion { MemorySize = Pages * Page, UserspaceAddress = hva });
            Cpu = new ScriptedVcpu(Vm, setsMarks);
            Tables = new GuestTables(Vm, 16, 64);
        }

        public VirtualMachine Vm { get; }
        public ScriptedVcpu Cpu { get; }
        public GuestTables Tables { get; }

        public ulong Read(ulong gpa)
        {
            var bytes = new byte[8];
            Assert.True(Vm.ReadGuest(new Gpa(gpa), bytes));
            return BitConverter.ToUInt64(bytes);
        }

        public void Write(ulong gpa, ulong value) => Assert.True(Vm.WriteGuest(new Gpa(gpa), BitConverter.GetBytes(value)));

        public void Dispose()
        {
            Assert.Null(Vm.ErrorReason);
            Vm.Dispose();
            _memory.Dispose();
            _pool.Dispose();
        }
    }
}
