using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Slots;
using static Warren.Hypervisor.Tests.Tdp.TdpFixture;

namespace Warren.Hypervisor.Tests.Tdp;

/// <summary>
/// An MMIO entry keeps the low bits of the generation of its memslots. The bits do come round: these tests make as many updates as that
/// takes.
/// </summary>
public sealed class MmioGenerationTests
{
    private const ulong Hole = 0x8000_0000;
    private const int Wrap = 1 << Spte.MmioGenerationBits;

    /// <summary>The entry of before is of the same generation as far as its bits can tell, and there is memory now.</summary>
    [Fact]
    public void An_entry_of_one_whole_turn_ago_is_not_believed()
    {
        using TdpFixture f = new();
        f.AddMemory(0, 0, Page);
        ScriptedVcpu cpu = new(f.Vm);
        cpu.Load<ulong>(Hole);
        Assert.Equal(GuestAccessResult.AccessFault, cpu.Result);
        Assert.Equal(1, cpu.Vcpu.Statistics.FaultsMmio);
        var before = f.Vm.GetMemslots(0).Generation;
        f.WriteHost(f.AddMemory(1, Hole, Page), 77UL);
        for (var i = 1; i < Wrap; i++) ToggleFlags(f, 0);
        Assert.Equal(before + (ulong)Wrap, f.Vm.GetMemslots(0).Generation);
        Assert.Equal(77UL, cpu.Load<ulong>(Hole));
        f.Verify();
    }

    /// <summary>Each address space has generations of its own, which come round by themselves; nothing is zapped in between.</summary>
    [Theory]
    [InlineData(1, 0)]
    [InlineData(2, 0)]
    [InlineData(2, 1)]
    public void Everything_is_zapped_once_a_turn(int spaces, int space)
    {
        using TdpFixture f = new(new VmOptions { AddressSpaces = spaces });
        f.AddMemory((uint)space << 16, 0, Page);
        var turn = Wrap / spaces;
        long zaps = 0;
        for (var i = 1; i < 2 * turn + 3; i++)
        {
            if (i % turn == 0) zaps++;
            Assert.Equal(zaps, f.Vm.Mmu.Counters.FastZaps);
            ToggleFlags(f, space);
        }
        Assert.Equal(2, zaps);
    }

    private static void ToggleFlags(TdpFixture f, int space)
    {
        var slot = f.Vm.GetMemslots(space).FindById(0)!;
        f.Vm.SetUserMemoryRegion(slot.ToRegion() with { Flags = slot.Flags ^ MemslotFlags.LogDirtyPages });
    }
}
