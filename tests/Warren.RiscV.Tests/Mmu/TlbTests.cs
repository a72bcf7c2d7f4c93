using Warren.Hypervisor.Paging;
using Warren.RiscV.Tests.Harness;
using static Warren.RiscV.Tests.Mmu.PagedMachine;

namespace Warren.RiscV.Tests.Mmu;

/// <summary>A cached translation stays until it is fenced, and a fence reaches everything it must.</summary>
public abstract class TlbTests(MmuKind mmu) : OnEachMmu(mmu)
{
    private const ulong All = Valid | Readable | Writable | Executable | Accessed | Dirty;
    private const ulong Va = 0x4000_0000;

    [Theory]
    [InlineData(Touch.Load, ExceptionCause.LoadPageFault)]
    [InlineData(Touch.Store, ExceptionCause.StorePageFault)]
    [InlineData(Touch.Fetch, ExceptionCause.InstructionPageFault)]
    public void A_fence_of_the_page_drops_it(Touch touch, ExceptionCause fault)
    {
        using var machine = new PagedMachine(SatpMode.Sv39);
        machine.Map(Va, Data, All, 1);
        machine.Map(Va + 4096, Data, All, 1);
        Assert.Null(machine.Access(touch, Va));
        Assert.Null(machine.Access(touch, Va + 4096));
        machine.Map(Va, Data, 0, 1);
        machine.Map(Va + 4096, Data, 0, 1);

        // Still cached: what the manual allows, and what makes the fences below mean something. (A shadow sees each write by the host at
        // once.)
        Assert.Equal(IsShadowed ? fault : null, machine.Access(touch, Va));
        machine.Fence(Va);
        Assert.Equal(fault, machine.Access(touch, Va));
        Assert.Equal(IsShadowed ? fault : null, machine.Access(touch, Va + 4096));
        machine.Fence(Va + 4096);
        Assert.Equal(fault, machine.Access(touch, Va + 4096));
    }

    [Theory]
    [InlineData(Touch.Load, ExceptionCause.LoadPageFault)]
    [InlineData(Touch.Store, ExceptionCause.StorePageFault)]
    [InlineData(Touch.Fetch, ExceptionCause.InstructionPageFault)]
    public void A_fence_of_any_address_in_a_superpage_drops_all_of_it(Touch touch, ExceptionCause fault)
    {
        using var machine = new PagedMachine(SatpMode.Sv39);
        var size = 2ul << 20;
        var physical = Data & ~(size - 1);
        machine.Map(Va, physical, All, 2);
        var first = Va + (Data - physical);
        Assert.Null(machine.Access(touch, first));
        Assert.Null(machine.Access(touch, first + 8));
        machine.Write(Va, 0, 2);
        Assert.Equal(IsShadowed ? fault : null, machine.Access(touch, first));
        machine.Fence(Va + size - 4096);
        Assert.Equal(fault, machine.Access(touch, first));
        Assert.Equal(fault, machine.Access(touch, first + 8));
    }

    [Fact]
    public void A_fence_of_a_gigabyte_reaches_pages_two_megabytes_away()
    {
        using var machine = new PagedMachine(SatpMode.Sv39);
        var physical = Data & ~((1ul << 30) - 1);
        const ulong Gigabyte = 0x1_4000_0000;
        machine.Map(Gigabyte, physical, All, 3);
        var address = Gigabyte + (Data - physical);
        Assert.Null(machine.Access(Touch.Load, address));
        machine.Write(Gigabyte, 0, 3);
        machine.Fence(Gigabyte + (512 << 20));
        Assert.Equal(ExceptionCause.LoadPageFault, machine.Access(Touch.Load, address));
    }

    [Fact]
    public void Modes_do_not_share_entries()
    {
        using var machine = new PagedMachine(SatpMode.Sv39);
        machine.Map(Va, Data, All | User, 1);
        Assert.Null(machine.Access(Touch.Load, Va, PrivilegeMode.User));
        Assert.Equal(ExceptionCause.LoadPageFault, machine.Access(Touch.Load, Va));
        machine.Hart.WriteCsr(0x100, 1 << 18);
        Assert.Null(machine.Access(Touch.Load, Va));
        machine.Hart.WriteCsr(0x100, 0);
        Assert.Equal(ExceptionCause.LoadPageFault, machine.Access(Touch.Load, Va));
        Assert.Null(machine.Access(Touch.Fetch, Va, PrivilegeMode.User));
        Assert.Equal(ExceptionCause.InstructionPageFault, machine.Access(Touch.Fetch, Va));
    }

    [Fact]
    public void Mxr_ends_with_its_bit()
    {
        using var machine = new PagedMachine(SatpMode.Sv39);
        machine.Map(Va, Data, Valid | Executable | Accessed, 1);
        Assert.Equal(ExceptionCause.LoadPageFault, machine.Access(Touch.Load, Va));
        machine.Hart.WriteCsr(0x100, 1 << 19);
        Assert.Null(machine.Access(Touch.Load, Va));
        machine.Hart.WriteCsr(0x100, 0);
        Assert.Equal(ExceptionCause.LoadPageFault, machine.Access(Touch.Load, Va));
    }

    [Fact]
    public void A_load_does_not_let_a_store_through_without_the_dirty_bit()
    {
        using var machine = new PagedMachine(SatpMode.Sv39);
        var leaf = machine.Map(Va, Data, Valid | Readable | Writable, 1);
        Assert.Null(machine.Access(Touch.Load, Va));
        Assert.Equal(Accessed, machine.ReadEntry(leaf) & (Accessed | Dirty));
        Assert.Null(machine.Access(Touch.Store, Va));
        Assert.Equal(Accessed | Dirty, machine.ReadEntry(leaf) & (Accessed | Dirty));
    }

    [Fact]
    public void A_new_satp_drops_everything()
    {
        using var machine = new PagedMachine(SatpMode.Sv39);
        machine.Map(Va, Data, All, 1);
        Assert.Null(machine.Access(Touch.Load, Va));
        machine.Map(Va, Data, 0, 1);
        Assert.Equal(IsShadowed ? ExceptionCause.LoadPageFault : null, machine.Access(Touch.Load, Va));
        machine.Hart.WriteCsr(0x180, machine.Hart.ReadCsr(0x180) ^ 1ul << 44);
        Assert.Equal(ExceptionCause.LoadPageFault, machine.Access(Touch.Load, Va));
    }
}

public sealed class TlbTestsOnTdp() : TlbTests(MmuKind.Tdp);

public sealed class TlbTestsOnShadow() : TlbTests(MmuKind.Shadow);
