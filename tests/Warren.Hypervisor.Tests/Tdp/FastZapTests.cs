using System.Threading;
using Warren.Hypervisor.Tests.Scripted;
using Warren.Hypervisor.Vcpus;
using static Warren.Hypervisor.Tests.Tdp.TdpFixture;

namespace Warren.Hypervisor.Tests.Tdp;

/// <summary>Zapping everything by making roots obsolete.</summary>
public sealed class FastZapTests
{
    private const ulong Base = 0x8000_0000;

    [Fact]
    public void Deleting_a_slot_drops_every_mapping_and_leaves_no_table_behind()
    {
        using TdpFixture f = new();
        f.AddMemory(0, Base, 64 * Page);
        f.AddMemory(1, Base + (1UL << 32), 64 * Page);
        ScriptedVcpu cpu = new(f.Vm);
        for (ulong i = 0; i < 64; i++)
        {
            cpu.Store(Base + i * Page, i + 1);
            cpu.Store(Base + (1UL << 32) + i * Page, i + 1);
        }
        Assert.Equal(128, f.LeafCount());
        f.DeleteSlot(1);
        Assert.Equal(0, f.LeafCount());
        Assert.Equal(1, f.Vm.Mmu.Counters.RootsInvalidated);
        for (ulong i = 0; i < 64; i++) Assert.Equal(i + 1, cpu.Load<ulong>(Base + i * Page));
        Assert.Equal(64, f.LeafCount());
        f.Verify();
    }

    [Fact]
    public void Tables_do_not_pile_up_when_slots_are_deleted_in_a_loop()
    {
        using TdpFixture f = new();
        f.AddMemory(0, Base, 8 * Page);
        ScriptedVcpu cpu = new(f.Vm);
        var most = 0;
        for (uint i = 0; i < 200; i++)
        {
            f.AddMemory(1, Base + (1UL << 33), Page);
            cpu.Store(Base + (1UL << 33), 1UL);
            cpu.Store(Base, 1UL);
            f.DeleteSlot(1);
            most = Math.Max(most, f.Vm.Mmu.Allocator.InUse);
        }
        Assert.Equal(200, f.Vm.Mmu.Counters.RootsInvalidated);
        Assert.InRange(most, 1, 16);
    }

    [Fact]
    public void A_vcpu_that_never_runs_again_keeps_only_its_empty_root()
    {
        using TdpFixture f = new();
        f.AddMemory(0, Base, 8 * Page);
        ScriptedVcpu idle = new(f.Vm);
        ScriptedVcpu busy = new(f.Vm);
        idle.Store(Base, 1UL);
        for (uint i = 0; i < 50; i++)
        {
            busy.Store(Base + Page, 1UL);
            f.AddMemory(1, Base + (1UL << 33), Page);
            f.DeleteSlot(1);
        }
        Assert.InRange(f.Vm.Mmu.Allocator.InUse, 1, 20);
        Assert.Equal(1UL, idle.Load<ulong>(Base));
        f.Verify();
    }

    /// <summary>
    /// The livelock of 2019: zap everything, restart when interrupted, while vCPUs fill the tables again. Here every entry ever set is
    /// zapped at most once, whatever the vCPUs do; counted, not timed.
    /// </summary>
    [Fact]
    public void Zapping_ends_although_vcpus_never_stop_faulting()
    {
        using TdpFixture f = new(new VmOptions { HugePages = false });
        const ulong Pages = 1024;
        f.AddMemory(0, Base, Pages * Page);
        Crew crew = new();
        List<Vcpu> vcpus = [];
        var stores = new long[2];
        for (var i = 0; i < stores.Length; i++)
        {
            var me = i;
            var next = (ulong)i * 7;
            var vcpu = f.Vm.CreateVcpu(new ScriptedEngine(new GuestScript(cpu =>
            {
                cpu.Store(Base + next % Pages * Page + (ulong)cpu.Program!.GetHashCode() % 8 * 8, next);
                if (!cpu.Stopped)
                {
                    next += 3;
                    Volatile.Write(ref stores[me], stores[me] + 1);
                }
                return GuestStep.Continue;
            })));
            vcpus.Add(vcpu);
            crew.Run(vcpu);
        }
        crew.Go(() =>
        {
            var hva = f.Map(Page);
            // Not for faults of each: the first to run may leave none to the other.
            crew.Await(() => Array.TrueForAll(stores, n => n > 0), "a store of each vCPU");
            for (var i = 0; i < 60; i++)
            {
                f.SetSlot(1, Base + (1UL << 32), Page, hva);
                f.DeleteSlot(1);
                Thread.Yield();
            }
        });
        var counters = f.Vm.Mmu.Counters;
        var sum = f.Vm.SumVcpuStatistics();
        Assert.Equal(60, counters.FastZaps);
        Assert.True(sum.SptesSet > 0);
        // Leaves, and at most three tables above a leaf.
        Assert.InRange(counters.SptesZapped, 0, 4 * sum.SptesSet);
        foreach (var vcpu in vcpus) Assert.Equal(VcpuMode.OutsideGuestMode, vcpu.Mode);
        f.Verify();
    }

    /// <summary>
    /// The fault has its frame and waits for mmu_lock while its root becomes obsolete: what it installed there, nobody would ever zap.
    /// </summary>
    [Fact]
    public void A_fault_that_waited_while_its_root_became_obsolete_starts_again()
    {
        using TdpFixture f = new();
        f.AddMemory(0, Base, 8 * Page);
        ScriptedVcpu cpu = new(f.Vm);
        cpu.Store(Base, 1UL);
        f.Vm.MmuLock.WriteLock();
        Crew crew = new();
        crew.Add(() => cpu.Store(Base + Page, 2UL));
        crew.Go(() =>
        {
            crew.Await(() => f.Vm.MmuLock.IsContended, "the fault at mmu_lock");
            Assert.True(f.Tdp.InvalidateAll());
            f.Vm.MakeAllVcpusRequest(VcpuRequest.FreeObsoleteRoots);
            f.Vm.MmuLock.WriteUnlock();
        });
        Assert.Equal(1, cpu.Vcpu.Statistics.RetriesObsoleteRoot);
        f.Vm.SlotsLock.Lock();
        f.Tdp.ZapObsolete();
        f.Vm.SlotsLock.Unlock();
        Assert.Equal(2UL, cpu.Load<ulong>(Base + Page));
        f.Verify();
    }
}
