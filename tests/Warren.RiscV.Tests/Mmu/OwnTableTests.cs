using Warren.Hypervisor.Paging;
using Warren.RiscV.Tests.Harness;
using static Warren.RiscV.Tests.Mmu.PagedMachine;

namespace Warren.RiscV.Tests.Mmu;

/// <summary>
/// A guest that changes its tables itself, by every kind of store, at every level, and through the very tables it changes.
/// </summary>
public abstract class OwnTableTests(MmuKind mmu) : OnEachMmu(mmu)
{
    private const ulong All = Valid | Readable | Writable | Executable | Accessed | Dirty;
    private const ulong Va = 0x4_4000_0000;

    /// <summary>Where the guest reaches the table of the level under test.</summary>
    private const ulong Window = 0x6800_0000;

    private const ulong Other = Data + 4096;

    /// <summary>Instructions that leave an entry of the window (at a1) as a2 says, knowing that it held what a3 says.</summary>
    public static TheoryData<string, int> Stores
    {
        get
        {
            var data = new TheoryData<string, int>();
            foreach (var store in (string[])["sd a2, 0(a1)", "amoswap.d a0, a2, (a1)", "amoxor.d a0, a3, (a1)", "sc.d a0, a2, (a1)"])
            {
                for (var level = 1; level <= 3; level++)
                    data.Add(store, level);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public void A_table_changed_by_its_guest_counts_from_the_fence_on(string store, int level)
    {
        using var machine = WithWindow(level, out var entry, out var at);
        machine.Machine.Write(Data, 0x1111);
        machine.Machine.Write(Other, 0x2222);
        for (var turn = 0; turn < 6; turn++)
        {
            var before = machine.ReadEntry(entry);
            var after = turn % 2 == 0 ? 0 : LeafOrTable(machine, level);
            machine.Hart.SetX(13, before ^ after);
            if (store.StartsWith("sc", StringComparison.Ordinal))
            {
                Assert.Null(machine.Execute("lr.d a0, (a1)", at));
                Assert.Equal(before, machine.Hart.GetX(10));
            }

            Assert.Null(machine.Execute(store, at, after));
            Assert.Equal(after, machine.ReadEntry(entry));
            var result = store[0] != 'a' ? 0 : before;
            if (!store.StartsWith("sd", StringComparison.Ordinal))
                Assert.Equal(result, machine.Hart.GetX(10));

            Assert.Null(machine.Execute(turn % 3 == 0 ? "sfence.vma" : "sfence.vma a1, x0", Va));
            Assert.Equal(turn % 2 == 0 ? ExceptionCause.LoadPageFault : null, machine.Access(Touch.Load, Va));
        }
    }

    [Fact]
    public void A_lowest_table_may_be_cached_until_it_is_fenced()
    {
        using var machine = WithWindow(level: 1, out var entry, out var at);
        Assert.Null(machine.Access(Touch.Store, Va));
        Assert.Null(machine.Execute("sd a2, 0(a1)", at, machine.ReadEntry(entry)));
        Assert.Null(machine.Access(Touch.Store, Va));
        Assert.Null(machine.Execute("sd x0, 0(a1)", at));

        // On either MMU: what makes the fence mean something.
        Assert.Null(machine.Access(Touch.Store, Va));
        Assert.Null(machine.Execute("sfence.vma a1, x0", Va));
        Assert.Equal(ExceptionCause.StorePageFault, machine.Access(Touch.Store, Va));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Stores_of_every_size_and_alignment_reach_a_table(int level)
    {
        using var machine = WithWindow(level, out var entry, out var at);
        var good = machine.ReadEntry(entry);
        foreach (var store in (string[])["sb a2, 0(a1)", "sh a2, 0(a1)", "sw a2, 0(a1)", "sd a2, -3(a1)", "sd a2, -7(a1)",
            "sw a2, -1(a1)", "amoand.w a0, a2, (a1)"])
        {
            // Each clears V and perhaps more.
            Assert.Null(machine.Access(Touch.Load, Va));
            Assert.Null(machine.Execute(store, at, 0));
            Assert.Equal(0ul, machine.ReadEntry(entry) & Valid);
            Assert.Null(machine.Execute("sfence.vma", 0));
            Assert.Equal(ExceptionCause.LoadPageFault, machine.Access(Touch.Load, Va));
            Assert.Null(machine.Execute("sd a2, 0(a1)", at, good));
            Assert.Null(machine.Execute("sfence.vma", 0));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_table_zeroed_block_by_block_maps_nothing(int level)
    {
        using var machine = WithWindow(level, out var entry, out var at);
        Assert.Null(machine.Access(Touch.Load, Va));
        var block = at & ~63ul;
        Assert.Null(machine.Execute("cbo.zero (a1)", block));
        for (ulong offset = 0; offset < 64; offset += 8)
            Assert.Equal(0ul, machine.ReadEntry((entry & ~63ul) + offset));

        Assert.Null(machine.Execute("sfence.vma", 0));
        Assert.Equal(ExceptionCause.LoadPageFault, machine.Access(Touch.Load, Va));
    }

    [Theory]
    [InlineData("sd a2, 0(a1)")]
    [InlineData("amoswap.d a0, a2, (a1)")]
    [InlineData("sd a2, -4(a1)")]
    [InlineData("cbo.zero (a1)")]
    public void A_table_can_be_changed_through_itself(string store)
    {
        // The window and what it changes lie in the same 2 MiB, or gigabyte: the store's own walk goes through the entry's table.
        for (var level = 1; level <= 3; level++)
        {
            using var machine = new PagedMachine(SatpMode.Sv39);
            machine.Map(Va, Data, All, 1);
            var table = machine.TableOf(Va, level);
            var window = Va + (511ul << 12);
            machine.Map(window, table, All, 1);
            var index = level == 3 ? 200ul : 64;
            var at = window + (index * 8);
            machine.Machine.Write(table + (index * 8), 0x1234_5677);
            Assert.Null(machine.Access(Touch.Load, Va));
            Assert.Null(machine.Access(Touch.Load, window));
            Assert.Null(machine.Execute(store, at, 0));
            Assert.Equal(0ul, machine.ReadEntry(table + (index * 8)) & uint.MaxValue);
            Assert.Null(machine.Access(Touch.Load, Va));
        }
    }

    private static ulong TableEntry(PagedMachine machine, int level)
        => machine.TableOf(Va, level) + PagedMachine.Offset(Va, level);

    /// <summary>The first content of the entry under test.</summary>
    private static ulong LeafOrTable(PagedMachine machine, int level) => machine.Hart.GetX(19 + level);

    /// <summary>
    /// A machine with a page at <see cref="Va"/>, and its table of <paramref name="level"/> mapped elsewhere, below other tables of all
    /// levels but the root.
    /// </summary>
    private static PagedMachine WithWindow(int level, out ulong entry, out ulong at)
    {
        var machine = new PagedMachine(SatpMode.Sv39);
        machine.Map(Va, Data, All, 1);
        machine.Map(Window, machine.TableOf(Va, level) - 4096, All, 1);
        machine.Map(Window + 4096, machine.TableOf(Va, level), All, 1);
        entry = TableEntry(machine, level);
        at = Window + 4096 + (entry & 0xfff);
        machine.Hart.SetX(19 + level, machine.ReadEntry(entry));
        Assert.Null(machine.Access(Touch.Load, Va));
        return machine;
    }
}

public sealed class OwnTableTestsOnTdp() : OwnTableTests(MmuKind.Tdp);

public sealed class OwnTableTestsOnShadow() : OwnTableTests(MmuKind.Shadow);
