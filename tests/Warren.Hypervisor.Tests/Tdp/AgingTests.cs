using Warren.Hypervisor.Paging;
using static Warren.Hypervisor.Tests.Tdp.TdpFixture;

namespace Warren.Hypervisor.Tests.Tdp;

public abstract class AgingTests(MmuKind mmu)
{
    private const ulong Base = 0x8000_0000;

    [Fact]
    public void A_page_is_young_once_for_each_time_it_was_used()
    {
        using TdpFixture f = new(mmu);
        f.AddMemory(0, Base, 8 * Page);
        ScriptedVcpu cpu = new(f.Vm);
        cpu.Load<ulong>(Base);
        var gfn = Base >> 12;
        Assert.True(f.Vm.Mmu.AgeGfnRange(0, new Gfn(gfn), new Gfn(gfn + 1), clear: false));
        Assert.True(f.Vm.Mmu.AgeGfnRange(0, new Gfn(gfn), new Gfn(gfn + 1), clear: true));
        Assert.False(f.Vm.Mmu.AgeGfnRange(0, new Gfn(gfn), new Gfn(gfn + 1), clear: true));
        Assert.False(f.Vm.Mmu.AgeGfnRange(0, new Gfn(gfn + 1), new Gfn(gfn + 8), clear: false));
        // Still in the TLB: the walk that would set A does not happen, as on hardware.
        cpu.Load<ulong>(Base);
        Assert.False(f.Vm.Mmu.AgeGfnRange(0, new Gfn(gfn), new Gfn(gfn + 1), clear: false));
        f.Vm.FlushRemoteTlbs();
        cpu.Load<ulong>(Base);
        Assert.True(f.Vm.Mmu.AgeGfnRange(0, new Gfn(gfn), new Gfn(gfn + 1), clear: false));
        Assert.Equal(1, cpu.Vcpu.Statistics.FaultsMap);
        f.Verify();
    }

    [Fact]
    public void Aging_through_the_host_reaches_the_guests_accesses()
    {
        using TdpFixture f = new(mmu);
        var hva = f.AddMemory(0, Base, 8 * Page);
        ScriptedVcpu cpu = new(f.Vm);
        cpu.Store(Base + 2 * Page, 1UL);
        Assert.True(f.Memory.Age(hva + 2 * Page, Page, clear: true) > 0);
        var before = f.Vm.Invalidation.InProgress;
        var sequence = f.Vm.Invalidation.Sequence;
        f.Memory.Age(hva, 8 * Page, clear: true);
        Assert.Equal(before, f.Vm.Invalidation.InProgress);
        Assert.Equal(sequence, f.Vm.Invalidation.Sequence);
        Assert.Equal(1UL, cpu.Load<ulong>(Base + 2 * Page));
    }
}

public sealed class AgingTestsWithTdp() : AgingTests(MmuKind.Tdp);

public sealed class AgingTestsWithShadow() : AgingTests(MmuKind.Shadow);
