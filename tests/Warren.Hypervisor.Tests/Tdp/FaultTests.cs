using Warren.HostMemory;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Slots;
using static Warren.Hypervisor.Tests.Tdp.TdpFixture;

namespace Warren.Hypervisor.Tests.Tdp;

/// <summary>First touch, MMIO, read-only slots, and what a slot's end does to its mappings; one vCPU, step by step.</summary>
public abstract class FaultTests(MmuKind mmu)
{
    private const ulong Base = 0x8000_0000;

    [Fact]
    public void Guest_and_host_see_each_others_stores()
    {
        using TdpFixture f = new(mmu);
        var hva = f.AddMemory(0, Base, 16 * Page);
        ScriptedVcpu cpu = new(f.Vm);
        cpu.Store(Base + 8, 0x1122334455667788UL);
        Assert.Equal(0x1122334455667788UL, f.ReadHost(hva + 8));
        f.WriteHost(hva + Page, 42);
        Assert.Equal(42UL, cpu.Load<ulong>(Base + Page));
        Assert.Equal((byte)0x88, cpu.Load<byte>(Base + 8));
        Assert.Equal((ushort)0x7788, cpu.Load<ushort>(Base + 8));
        Assert.Equal(0x11223344u, cpu.Load<uint>(Base + 12));
        Assert.Equal(0x1122334455667788UL, cpu.CompareExchange(Base + 8, 7, 0x1122334455667788UL));
        Assert.Equal(7UL, f.ReadHost(hva + 8));
        f.Verify();
    }

    [Fact]
    public void Untouched_memory_reads_zero_and_a_hit_takes_no_second_fault()
    {
        using TdpFixture f = new(mmu);
        f.AddMemory(0, Base, 4 * Page);
        ScriptedVcpu cpu = new(f.Vm);
        Assert.Equal(0UL, cpu.Load<ulong>(Base));
        var after = cpu.Vcpu.Statistics;
        Assert.Equal(1, after.FaultsMap);
        Assert.Equal(1, after.SptesSet);
        cpu.Engine.FlushTlb();
        cpu.Load<ulong>(Base);
        Assert.Equal(1, cpu.Vcpu.Statistics.FaultsMap);
        Assert.Equal(0, cpu.Vcpu.Statistics.FaultsSpurious);
    }

    [Fact]
    public void No_memslot_is_mmio_and_is_remembered_until_the_memslots_change()
    {
        using TdpFixture f = new(mmu);
        f.AddMemory(0, Base, 4 * Page);
        ScriptedVcpu cpu = new(f.Vm);
        var hole = Base + 16 * Page;
        cpu.Load<ulong>(hole);
        Assert.Equal(GuestAccessResult.AccessFault, cpu.Result);
        Assert.Equal(1, cpu.Vcpu.Statistics.FaultsMmio);
        cpu.Load<ulong>(hole + 8);
        Assert.Equal(1, cpu.Vcpu.Statistics.FaultsMmio);
        var hva = f.AddMemory(1, hole, Page);
        f.WriteHost(hva, 5);
        Assert.Equal(5UL, cpu.Load<ulong>(hole));
        f.DeleteSlot(1);
        cpu.Load<ulong>(hole);
        Assert.Equal(GuestAccessResult.AccessFault, cpu.Result);
    }

    [Theory]
    [InlineData(1UL << 47)]
    [InlineData(1UL << 48)]
    [InlineData(0xffff_ffff_ffff_fff8UL)]
    public void Addresses_far_out_are_nobodys(ulong gpa)
    {
        using TdpFixture f = new(mmu);
        ScriptedVcpu cpu = new(f.Vm);
        cpu.Load<ulong>(gpa);
        Assert.Equal(GuestAccessResult.AccessFault, cpu.Result);
        cpu.Store(gpa, 1UL);
        Assert.Equal(GuestAccessResult.AccessFault, cpu.Result);
        cpu.Fetch(gpa);
        Assert.Equal(GuestAccessResult.AccessFault, cpu.Result);
    }

    [Fact]
    public void Probing_holes_all_over_does_not_fill_the_host_with_tables()
    {
        using TdpFixture f = new(mmu);
        ScriptedVcpu cpu = new(f.Vm);
        for (ulong i = 0; i < 4000; i++) cpu.Load<ulong>(i << 30);
        Assert.InRange(f.Vm.Mmu.Allocator.InUse, 1, 600);
    }

    [Fact]
    public void A_write_to_a_read_only_slot_is_mmio_and_reads_still_hit_memory()
    {
        using TdpFixture f = new(mmu);
        var hva = f.AddMemory(0, Base, 4 * Page, MemslotFlags.ReadOnly);
        f.WriteHost(hva, 9);
        ScriptedVcpu cpu = new(f.Vm);
        Assert.Equal(9UL, cpu.Load<ulong>(Base));
        cpu.Store(Base, 1UL);
        Assert.Equal(GuestAccessResult.AccessFault, cpu.Result);
        Assert.Equal(9UL, cpu.Load<ulong>(Base));
        Assert.False(f.Leaf(Base >> 12).Writable);
        Assert.False(f.Leaf(Base >> 12).MmuWritable);
        f.Verify();
    }

    [Fact]
    public void Memory_the_host_does_not_back_is_an_access_fault_and_heals_when_it_is_mapped()
    {
        using TdpFixture f = new(mmu);
        var hva = f.Map(4 * Page);
        f.SetSlot(0, Base, 4 * Page, hva);
        f.Memory.Unmap(hva + Page, Page);
        ScriptedVcpu cpu = new(f.Vm);
        cpu.Load<ulong>(Base + Page);
        Assert.Equal(GuestAccessResult.AccessFault, cpu.Result);
        Assert.Null(f.Vm.ErrorReason);
        f.Memory.Protect(hva, Page, VmaProtection.Read);
        Assert.Equal(0UL, cpu.Load<ulong>(Base));
        cpu.Store(Base, 1UL);
        Assert.Equal(GuestAccessResult.AccessFault, cpu.Result);
        f.Memory.Protect(hva, Page, VmaProtection.Read | VmaProtection.Write);
        cpu.Store(Base, 3UL);
        Assert.Equal(3UL, f.ReadHost(hva));
    }

    [Fact]
    public void Discard_takes_the_mapping_and_the_cached_translation_with_it()
    {
        using TdpFixture f = new(mmu);
        var hva = f.AddMemory(0, Base, 4 * Page);
        ScriptedVcpu cpu = new(f.Vm);
        cpu.Store(Base, 1UL);
        f.Memory.Discard(hva, Page);
        Assert.True(f.Leaf(Base >> 12).IsNone);
        Assert.Equal(0UL, cpu.Load<ulong>(Base));
        Assert.Equal(1, f.Vm.Mmu.Counters.SptesUnmapped);
    }

    [Fact]
    public void Two_slots_over_one_range_lose_both_mappings()
    {
        using TdpFixture f = new(mmu);
        var hva = f.AddMemory(0, Base, 4 * Page);
        f.SetSlot(1, Base + Huge, 4 * Page, hva);
        ScriptedVcpu cpu = new(f.Vm);
        cpu.Store(Base, 77UL);
        Assert.Equal(77UL, cpu.Load<ulong>(Base + Huge));
        f.Memory.Discard(hva, 4 * Page);
        Assert.Equal(0, f.LeafCount());
        Assert.Equal(0UL, cpu.Load<ulong>(Base + Huge));
        f.Verify();
    }

    [Fact]
    public void A_page_fault_allocates_no_managed_memory()
    {
        using TdpFixture f = new(mmu);
        f.AddMemory(0, Base, 512 * Page);
        FirstTouch touch = new(Base, 512);
        ScriptedEngine engine = new(touch);
        var vcpu = f.Vm.CreateVcpu(engine);
        long budget = 64;
        vcpu.Run(ref budget);
        // The lock validator allocates when it meets a chain of locks for the first time; what a fault allocates itself is there each time.
        var allocated = long.MaxValue;
        for (var i = 0; i < 4; i++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            budget = 100;
            vcpu.Run(ref budget);
            allocated = Math.Min(allocated, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        Assert.Equal(464, vcpu.Statistics.FaultsMap);
        Assert.Equal(0, allocated);
    }

    private sealed class FirstTouch(ulong gpa, ulong pages) : IGuestProgram
    {
        private ulong _next;

        public GuestStep Step(ScriptedEngine cpu)
        {
            cpu.Store(gpa + _next % pages * Page, 1UL);
            if (!cpu.Stopped) _next++;
            return GuestStep.Continue;
        }
    }
}

public sealed class FaultTestsWithTdp() : FaultTests(MmuKind.Tdp);

public sealed class FaultTestsWithShadow() : FaultTests(MmuKind.Shadow);
