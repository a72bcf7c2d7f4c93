using System.Threading;
using Warren.HostMemory;
using Warren.Hypervisor.Invalidation;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Slots;
using Warren.Hypervisor.Tests.Scripted;
using Warren.Hypervisor.Vcpus;
using static Warren.Hypervisor.Tests.Tdp.TdpFixture;

namespace Warren.Hypervisor.Tests.Tdp;

/// <summary>
/// vCPUs that write all over a logged slot and a moving one while host threads discard, protect, move and harvest. What may be lost and
/// what may not is checked at the end, when everything is at rest.
/// </summary>
public abstract class MemstressTests(GateKind gate, MmuKind? kind = null)
{
    private const ulong Base = 0x8000_0000;
    private const ulong Moving = 0x10_0000_0000;
    private const int Pages = 192;
    private const int Stores = 8000;
    private const int Harvests = 40;

    /// <summary>
    /// Stores a rising number into its own word of random pages. Before each store it notes how many harvests have returned: the page must
    /// be in the result of the next one, or of a later one.
    /// </summary>
    private sealed class Writer(int id, Func<int> nextHarvest, bool wanders) : IGuestProgram
    {
        private readonly Random _random = new(id * 7919 + 1);
        private int _page = -1;
        private int _harvest;
        private ulong _value = 1;

        public readonly int[] LastHarvest = new int[Pages];
        public readonly ulong[] LastValue = new ulong[Pages];
        public long Faulted;

        public GuestStep Step(ScriptedEngine cpu)
        {
            if (_page < 0)
            {
                _page = _random.Next(Pages + (wanders ? 16 : 0));
                _harvest = nextHarvest();
            }
            var moving = _page >= Pages;
            var gpa = (moving ? Moving + (ulong)(_page - Pages) * Page : Base + (ulong)_page * Page) + (ulong)id * 8;
            if ((_value & 3) == 3) cpu.Load<ulong>(gpa);
            else cpu.Store(gpa, _value);
            if (cpu.Stopped) return GuestStep.Continue;
            if (cpu.Result == GuestAccessResult.AccessFault)
            {
                Faulted++;
            }
            else if (!moving && (_value & 3) != 3)
            {
                LastHarvest[_page] = _harvest;
                LastValue[_page] = _value;
            }
            _page = -1;
            return ++_value > Stores && nextHarvest() >= Harvests ? GuestStep.Done : GuestStep.Continue;
        }
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void No_write_is_lost_from_the_log_and_no_table_maps_a_freed_frame(bool disturb, bool huge)
    {
        using TdpFixture f = new(kind ?? MmuKind.Tdp, new VmOptions { Gate = gate, HugePages = huge }, poolBytes: 128L << 20);
        var hva = f.AddMemory(0, Base, Pages * Page, MemslotFlags.LogDirtyPages, hugePages: huge);
        var movingHva = f.AddMemory(1, Moving, 2 * Huge, hugePages: huge);
        var harvest = 0;
        var lastSeen = new int[Pages];
        var bitmap = new ulong[Pages / 64];
        Writer[] writers = [.. Enumerable.Range(0, 3).Select(i => new Writer(i, () => Volatile.Read(ref harvest), wanders: disturb))];
        void Harvest()
        {
            var mine = harvest;
            f.Vm.GetDirtyLog(0, bitmap);
            // Last: a store that notes the new number begins after this harvest has returned.
            Volatile.Write(ref harvest, mine + 1);
            for (var page = 0; page < Pages; page++)
            {
                if ((bitmap[page / 64] >> page % 64 & 1) != 0) lastSeen[page] = mine;
            }
        }

        Crew crew = new();
        var running = writers.Length;
        foreach (var writer in writers)
        {
            var vcpu = f.Vm.CreateVcpu(new ScriptedEngine(writer));
            crew.Add(() =>
            {
                for (; ; )
                {
                    long budget = 100;
                    var reason = vcpu.Run(ref budget).Reason;
                    if (reason == VcpuExitReason.EnvironmentCall) break;
                    Assert.True(reason is VcpuExitReason.Budget or VcpuExitReason.Interrupted, reason.ToString());
                }
                Interlocked.Decrement(ref running);
            });
        }
        crew.Add(() =>
        {
            while (Volatile.Read(ref running) > 0)
            {
                Harvest();
                Thread.Yield();
            }
        });
        if (disturb)
        {
            crew.Add(() => Discard(f, hva, movingHva, () => Volatile.Read(ref running) > 0));
            crew.Add(() =>
            {
                for (ulong i = 1; Volatile.Read(ref running) > 0; i++)
                {
                    f.SetSlot(1, Moving + i % 2 * 4 * Page, 2 * Huge, movingHva);
                    Thread.Sleep(1);
                }
            });
        }
        crew.Join();
        Harvest();

        foreach (var writer in writers)
        {
            for (var page = 0; page < Pages; page++)
            {
                Assert.True(lastSeen[page] >= writer.LastHarvest[page],
                    $"page {page} was written after {writer.LastHarvest[page]} harvests and last reported by {lastSeen[page]} of "
                        + $"{harvest}");
                if (disturb) continue;
                Assert.Equal(writer.LastValue[page], f.ReadHost(hva + (ulong)page * Page + (ulong)Array.IndexOf(writers, writer) * 8));
            }
            if (!disturb) Assert.Equal(0, writer.Faulted);
        }
        Assert.True(harvest > Harvests);
        f.Verify();
    }

    private static void Discard(TdpFixture f, Hva hva, Hva movingHva, Func<bool> goOn)
    {
        Random random = new(5);
        while (goOn())
        {
            var page = (ulong)random.Next(Pages);
            switch (random.Next(4))
            {
                case 0:
                    f.Memory.Discard(hva + page * Page, Math.Min((ulong)random.Next(1, 20), Pages - page) * Page);
                    break;
                case 1:
                    f.Memory.Discard(movingHva + (ulong)random.Next(1024) * Page, Page);
                    break;
                case 2:
                    f.Memory.Protect(hva + page * Page, Page, VmaProtection.Read);
                    f.Memory.Protect(hva + page * Page, Page, VmaProtection.Read | VmaProtection.Write);
                    break;
                default:
                    f.Memory.Unmap(hva + page * Page, Page);
                    Assert.Equal(hva + page * Page, f.Memory.Map(Page, VmaProtection.Read | VmaProtection.Write, hint: hva + page * Page));
                    break;
            }
            Thread.Yield();
        }
    }

    /// <summary>
    /// Eight vCPUs' worth of first touches in one slot: each page is mapped, each fault is counted once, no table is lost.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void Vcpus_that_race_for_the_same_pages_map_each_once(int count)
    {
        const ulong All = 1024;
        using TdpFixture f = new(kind ?? MmuKind.Tdp, new VmOptions { Gate = gate, HugePages = false });
        f.AddMemory(0, Base, All * Page);
        Crew crew = new();
        for (var i = 0; i < count; i++)
        {
            ulong next = 0;
            crew.Run(f.Vm.CreateVcpu(new ScriptedEngine(new GuestScript(cpu =>
            {
                cpu.FetchAdd(Base + next * Page, 1);
                if (!cpu.Stopped) next++;
                return next == All ? GuestStep.Done : GuestStep.Continue;
            }))), slice: 100000);
        }
        crew.Join();
        Assert.Equal((int)All, f.LeafCount());
        var sum = f.Vm.SumVcpuStatistics();
        Assert.Equal((long)All, sum.FaultsMap);
        Assert.Equal((long)All, sum.SptesSet);
        ScriptedVcpu reader = new(f.Vm);
        for (ulong i = 0; i < All; i++) Assert.Equal((ulong)count, reader.Load<ulong>(Base + i * Page));
        f.Verify();
    }
}

public sealed class MemstressTestsWithJoin() : MemstressTests(GateKind.Join);

public sealed class MemstressTestsWithActiveCount() : MemstressTests(GateKind.ActiveCount);

public sealed class MemstressTestsWithShadow() : MemstressTests(GateKind.Join, MmuKind.Shadow);
