using Warren.HostMemory;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Slots;
using Warren.Hypervisor.Tests.Scripted;
using Warren.Hypervisor.Vcpus;

namespace Warren.Hypervisor.Tests.Shadow;

/// <summary>
/// Guests that use roots without end, and that write to tables, without a fence, while other vCPUs walk them: what is found after a fence
/// is what the tables say then.
/// </summary>
public sealed class HostileConcurrencyTests
{
    private const ulong Page = VirtualMachine.PageSize;
    private const ulong Pages = 1024;
    private const ulong FirstTable = 64;
    private const int Tables = 8;

    private static readonly int[] Indices = [0, 1, 511];

    [Fact]
    public void Every_page_is_a_root_of_every_depth_and_memory_stays_bounded()
    {
        using FramePool pool = new(32L << 20);
        using AddressSpace memory = new(pool);
        using VirtualMachine vm = new(memory, new VmOptions { Mmu = MmuKind.Shadow, Audit = true, HugePages = false });
        var hva = memory.Map(Pages * Page, VmaProtection.Read | VmaProtection.Write);
        vm.SetUserMemoryRegion(new UserMemoryRegion { MemorySize = Pages * Page, UserspaceAddress = hva });
        // Each page is a table of tables, the next pages.
        for (ulong gfn = 0; gfn < Pages; gfn++)
            memory.Write(hva + gfn * Page, BitConverter.GetBytes(ScriptedPageFormat.Table((gfn + 1) % Pages)));
        ScriptedVcpu cpu = new(vm);
        var mmu = (ShadowMmu)vm.Mmu;
        mmu.PageLimit = 128;
        var most = 0;
        for (var round = 0; round < 3; round++)
        {
            for (ulong gfn = 0; gfn < Pages; gfn++)
            {
                for (var levels = 3; levels <= 5; levels++)
                {
                    cpu.SetGuestRoot(new GuestRoot(levels, new Gfn(gfn)));
                    cpu.Load<ulong>(0);
                    Assert.Equal(GuestAccessResult.PageFault, cpu.Result);
                    most = Math.Max(most, mmu.Pages.Count);
                }
            }
        }
        Assert.True(mmu.Counters.ShadowPagesMade > 9000, "the roots were made");
        Assert.InRange(most, 1, 160);
        var report = vm.Audit(atRest: true);
        Assert.True(report.IsClean, report.ToString());
    }

    [Fact]
    public void Tables_change_under_walks()
    {
        using FramePool pool = new(32L << 20);
        using AddressSpace memory = new(pool);
        using VirtualMachine vm = new(memory, new VmOptions { Mmu = MmuKind.Shadow, Audit = true });
        var hva = memory.Map(Pages * Page, VmaProtection.Read | VmaProtection.Write, hugePages: true);
        vm.SetUserMemoryRegion(new UserMemoryRegion { MemorySize = Pages * Page, UserspaceAddress = hva });
        for (ulong gfn = 512; gfn < Pages; gfn++) memory.Write(hva + gfn * Page, BitConverter.GetBytes(gfn));
        Crew crew = new();
        for (var i = 0; i < 2; i++)
        {
            Random random = new(i);
            crew.Run(vm.CreateVcpu(new ScriptedEngine(new GuestScript(cpu =>
            {
                var choice = random.Next(16);
                if (choice == 0) cpu.SetGuestRoot(new GuestRoot(3 + random.Next(2), new Gfn(FirstTable + (ulong)random.Next(Tables))));
                else if (choice == 1) cpu.FenceTables();
                else if (choice < 4) cpu.Store(Address(random, cpu.Root.Levels), Entry(random));
                else cpu.Load<ulong>(Address(random, cpu.Root.Levels));
                return GuestStep.Continue;
            }))));
        }
        Random writes = new(7);
        crew.Run(vm.CreateVcpu(new ScriptedEngine(new GuestScript(cpu =>
        {
            var entry = (FirstTable + (ulong)writes.Next(Tables)) * Page + (ulong)Indices[writes.Next(3)] * 8;
            if (writes.Next(8) == 0) cpu.FetchAdd(entry, Page);
            else cpu.Store(entry, Entry(writes));
            return GuestStep.Continue;
        }))));
        crew.Add(() =>
        {
            while (!crew.Stopping)
            {
                var report = vm.Audit();
                Assert.True(report.IsClean, report.ToString());
            }
        });
        crew.Go(() => System.Threading.Thread.Sleep(500));
        Assert.Null(vm.ErrorReason);
        ScriptedVcpu last = new(vm);
        Random addresses = new(11);
        var found = 0;
        for (ulong root = 0; root < Tables; root++)
        {
            last.SetGuestRoot(new GuestRoot(3, new Gfn(FirstTable + root)));
            for (var i = 0; i < 64; i++)
            {
                var address = Address(addresses, 3);
                GuestWalk walk = default;
                Memory tables = new(vm);
                var status =
                    ScriptedPageWalker.Walk(ref tables, last.Engine.Root, new Gva(address), GuestAccess.Read, GuestPrivilege.Supervisor,
                        setsMarks: true,
                        ref walk);
                var value = last.Load<ulong>(address);
                var there = status == GuestWalkStatus.Ok && walk.Gfn < new Gfn(Pages);
                Assert.Equal(there ? GuestAccessResult.Memory : status == GuestWalkStatus.PageFault ? GuestAccessResult.PageFault
                    : GuestAccessResult.AccessFault, last.Result);
                if (!there) continue;
                found++;
                // The walk itself has set A, perhaps in the very word.
                Assert.Equal(Word(vm, walk.Gfn.Value * Page + (address & 0xfff)), value);
            }
        }
        Assert.True(found > 0, "no address led anywhere");
    }

    private static ulong Entry(Random random) => random.Next(8) switch
    {
        0 => 0,
        < 4 => ScriptedPageFormat.Table(FirstTable + (ulong)random.Next(Tables)),
        4 => ScriptedPageFormat.Page(512, GuestRights.Read | GuestRights.Write),
        5 => ScriptedPageFormat.Page(FirstTable + (ulong)random.Next(Tables), GuestRights.Read | GuestRights.Write),
        _ => ScriptedPageFormat.Page(512 + (ulong)random.Next(512), GuestRights.Read | GuestRights.Write, (ulong)random.Next(4) << 6),
    };

    private static ulong Address(Random random, int levels)
    {
        if (levels == 0) return (512 + (ulong)random.Next(512)) * Page;
        ulong address = 0;
        for (var i = 0; i < levels; i++) address = address << 9 | (uint)Indices[random.Next(3)];
        var unused = 64 - 12 - levels * 9;
        return (ulong)((long)(address << 12 << unused) >> unused) + (ulong)Indices[random.Next(3)] * 8;
    }

    private static ulong Word(VirtualMachine vm, ulong gpa)
    {
        var bytes = new byte[8];
        return vm.ReadGuest(new Gpa(gpa), bytes) ? BitConverter.ToUInt64(bytes) : 0;
    }

    /// <summary>The tables as they are, for a walk that must not change them.</summary>
    private readonly struct Memory(VirtualMachine vm) : IWalkedTables
    {
        public GuestWalkStatus Read(Gpa gpa, out ulong value)
        {
            var bytes = new byte[8];
            var there = vm.ReadGuest(gpa, bytes);
            value = BitConverter.ToUInt64(bytes);
            return there ? GuestWalkStatus.Ok : GuestWalkStatus.AccessFault;
        }

        public GuestWalkStatus CompareExchange(Gpa gpa, ulong expected, ulong value, out bool exchanged)
        {
            exchanged = true;
            return GuestWalkStatus.Ok;
        }
    }
}
