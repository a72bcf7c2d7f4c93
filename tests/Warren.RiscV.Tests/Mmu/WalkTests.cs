using Warren.Hypervisor.Paging;
using Warren.RiscV.Tests.Harness;
using static Warren.RiscV.Tests.Mmu.PagedMachine;

namespace Warren.RiscV.Tests.Mmu;

/// <summary>Shapes of tables: depth, superpages, reserved bits, what lies outside memory.</summary>
public abstract class WalkTests(MmuKind mmu) : OnEachMmu(mmu)
{
    private const ulong All = Valid | Readable | Writable | Executable | Accessed | Dirty;

    public static TheoryData<SatpMode> Modes => [SatpMode.Sv39, SatpMode.Sv48, SatpMode.Sv57];

    [Theory]
    [MemberData(nameof(Modes))]
    public void Addresses_that_are_no_sign_extension_fault(SatpMode mode)
    {
        using var machine = new PagedMachine(mode);
        var bits = 12 + (9 * machine.Levels);
        var highest = (1ul << (bits - 1)) - 4096;
        var lowestNegative = ulong.MaxValue << (bits - 1);
        machine.Map(highest, Data, All, 1);
        machine.Map(lowestNegative, Data, All, 1);
        Assert.Null(machine.Access(Touch.Load, highest));
        Assert.Null(machine.Access(Touch.Load, lowestNegative));
        Assert.Null(machine.Access(Touch.Fetch, lowestNegative));
        Assert.Equal(ExceptionCause.LoadPageFault, machine.Access(Touch.Load, highest + 4096));
        Assert.Equal(ExceptionCause.StorePageFault, machine.Access(Touch.Store, lowestNegative - 4096));
        Assert.Equal(ExceptionCause.InstructionPageFault, machine.Access(Touch.Fetch, highest + 4096));
        Assert.Equal(ExceptionCause.LoadPageFault, machine.Access(Touch.Load, lowestNegative & ~(1ul << 63)));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void Superpages_of_every_size_translate_and_must_be_aligned(SatpMode mode)
    {
        using var machine = new PagedMachine(mode);
        for (var level = 2; level <= machine.Levels; level++)
        {
            var size = PagedMachine.SizeOf(level);
            var va = 5 * size;
            var physical = TestMachine.RamBase & ~(size - 1);
            machine.Map(va, physical, All, level);
            machine.FenceAll();
            var within = va + (Data - physical);
            if (Data - physical < size)
            {
                Assert.Null(machine.Access(Touch.Store, within));
                Assert.Null(machine.Access(Touch.Fetch, within + 8));
            }

            machine.Write(va, ((physical >> 12) + 1) << 10 | All, level);
            machine.FenceAll();
            Assert.Equal(ExceptionCause.LoadPageFault, machine.Access(Touch.Load, va));
            machine.Write(va, 0, level);
        }
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void Reserved_bits_fault(SatpMode mode)
    {
        using var machine = new PagedMachine(mode);
        const ulong Va = 0x4000_0000;
        for (var bit = 54; bit < 64; bit++)
        {
            var leaf = (Data >> 12) << 10 | All | 1ul << bit;
            machine.Write(Va, leaf, 1);
            machine.FenceAll();
            // Svpbmt: 1 and 2 are memory types. Svnapot: Data's page number does not end in 8.
            ExceptionCause? expected = bit is 61 or 62 ? null : ExceptionCause.LoadPageFault;
            Assert.Equal(expected, machine.Access(Touch.Load, Va));
        }

        machine.Write(Va, (Data >> 12) << 10 | All | 3ul << 61, 1);
        machine.FenceAll();
        Assert.Equal(ExceptionCause.LoadPageFault, machine.Access(Touch.Load, Va));

        // A pointer to a table may have none of A, D, U, PBMT, N.
        foreach (var bit in (int[])[4, 6, 7, 54, 60, 61, 62, 63])
        {
            machine.Map(Va, Data, All, 1);
            var pointer = machine.Write(Va, 0, 2);
            machine.Machine.Write(pointer, (TestMachine.RamBase + (6 << 20)) >> 12 << 10 | Valid | 1ul << bit);
            machine.FenceAll();
            Assert.Equal(ExceptionCause.LoadPageFault, machine.Access(Touch.Load, Va));
            machine.Machine.Write(pointer, 0);
        }
    }

    [Fact]
    public void Svnapot_translates_64_KiB_and_nothing_else()
    {
        using var machine = new PagedMachine(SatpMode.Sv39);
        const ulong Va = 0x4001_0000;
        const ulong Napot = 1ul << 63;
        for (ulong page = 0; page < 16; page++)
            machine.Write(Va + (page * 4096), ((Data >> 12) | 8) << 10 | All | Napot, 1);

        machine.Machine.Write(Data + 0x5008, 0x1234);
        Assert.Null(machine.Access(Touch.Load, Va + 0x5008));
        Assert.Equal(0x1234ul, machine.Hart.GetX(10));
        machine.Write(Va, ((Data >> 12) | 4) << 10 | All | Napot, 1);
        machine.FenceAll();
        Assert.Equal(ExceptionCause.LoadPageFault, machine.Access(Touch.Load, Va));

        using var without = new PagedMachine(SatpMode.Sv39, new HartOptions().With(Extension.Svnapot, false).With(Extension.Svpbmt, false));
        without.Write(Va, ((Data >> 12) | 8) << 10 | All | Napot, 1);
        Assert.Equal(ExceptionCause.LoadPageFault, without.Access(Touch.Load, Va));
        without.Write(Va, (Data >> 12) << 10 | All | 1ul << 61, 1);
        without.FenceAll();
        Assert.Equal(ExceptionCause.LoadPageFault, without.Access(Touch.Load, Va));
    }

    [Fact]
    public void Each_page_of_a_64_KiB_leaf_is_its_own()
    {
        using var machine = new PagedMachine(SatpMode.Sv39);
        const ulong Va = 0x4001_0000;
        for (ulong page = 0; page < 16; page++)
        {
            machine.Write(Va + (page * 4096), ((Data >> 12) | 8) << 10 | All | 1ul << 63, 1);
            machine.Machine.Write(Data + (page * 4096) + 0x100, 0x1000 + page);
        }

        for (ulong page = 0; page < 16; page++)
        {
            var va = Va + (page * 4096) + 0x100;
            Assert.Null(machine.Access(Touch.Load, va));
            Assert.Equal(0x1000 + page, machine.Hart.GetX(10));
            machine.Hart.SetX(10, 0x2000 + page);
            Assert.Null(machine.Access(Touch.Store, va));
        }

        for (ulong page = 0; page < 16; page++)
            Assert.Equal(0x2000 + page, machine.ReadEntry(Data + (page * 4096) + 0x100));
    }

    [Theory]
    [InlineData(Touch.Load, ExceptionCause.LoadPageFault)]
    [InlineData(Touch.Store, ExceptionCause.StorePageFault)]
    [InlineData(Touch.Fetch, ExceptionCause.InstructionPageFault)]
    public void Other_encodings_with_the_napot_bit_fault(Touch touch, ExceptionCause fault)
    {
        using var machine = new PagedMachine(SatpMode.Sv39);
        const ulong Va = 0x4000_0000;
        for (ulong low = 0; low < 16; low++)
        {
            machine.Write(Va, ((Data >> 12) | low) << 10 | All | 1ul << 63, 1);
            machine.FenceAll();
            Assert.Equal(low == 8 ? null : fault, machine.Access(touch, Va));
        }

        // No superpage has the bit, aligned or with the 8.
        foreach (var low in (ulong[])[0, 8])
        {
            machine.Write(Va, ((Data >> 12) | low) << 10 | All | 1ul << 63, 2);
            machine.FenceAll();
            Assert.Equal(fault, machine.Access(touch, Va));
        }
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void A_superpage_must_be_aligned_in_every_bit(SatpMode mode)
    {
        using var machine = new PagedMachine(mode);
        for (var level = 2; level <= machine.Levels; level++)
        {
            var va = 5 * PagedMachine.SizeOf(level);
            for (var bit = 0; bit < 9 * (level - 1); bit++)
            {
                machine.Write(va, 1ul << (10 + bit) | All, level);
                machine.FenceAll();
                Assert.Equal(ExceptionCause.LoadPageFault, machine.Access(Touch.Load, va));
                Assert.Equal(ExceptionCause.StorePageFault, machine.Access(Touch.Store, va));
                Assert.Equal(ExceptionCause.InstructionPageFault, machine.Access(Touch.Fetch, va));
            }

            // The lowest bit that is the superpage's own: no page fault, only no memory.
            machine.Write(va, 1ul << (10 + (9 * (level - 1))) | All, level);
            machine.FenceAll();
            Assert.NotEqual(ExceptionCause.LoadPageFault, machine.Access(Touch.Load, va));
            machine.Write(va, 0, level);
        }
    }

    [Theory]
    [InlineData(0ul, true, true, true)]
    [InlineData(Accessed, false, true, false)]
    [InlineData(Dirty, true, true, true)]
    [InlineData(Accessed | Dirty, false, false, false)]
    public void With_svade_each_access_needs_its_bits(ulong bits, bool load, bool store, bool fetch)
    {
        using var machine = new PagedMachine(SatpMode.Sv39, new HartOptions().With(Extension.Svade, true));
        const ulong Va = 0x4000_0000;
        var leaf = machine.Map(Va, Data, Valid | Readable | Writable | Executable | bits, 1);
        Assert.Equal(load ? ExceptionCause.LoadPageFault : null, machine.Access(Touch.Load, Va));
        Assert.Equal(store ? ExceptionCause.StorePageFault : null, machine.Access(Touch.Store, Va + 8));
        machine.Machine.Write(Data, 0x13);
        Assert.Equal(fetch ? ExceptionCause.InstructionPageFault : null, machine.Access(Touch.Fetch, Va));
        Assert.Equal(bits, machine.ReadEntry(leaf) & (Accessed | Dirty));
    }

    [Fact]
    public void What_is_not_memory_is_an_access_fault()
    {
        using var machine = new PagedMachine(SatpMode.Sv39);
        const ulong Va = 0x4000_0000;
        machine.Map(Va, 0x10_0000_0000, All, 1);
        Assert.Equal(ExceptionCause.LoadAccessFault, machine.Access(Touch.Load, Va));
        Assert.Equal(ExceptionCause.StoreAccessFault, machine.Access(Touch.Store, Va));
        Assert.Equal(ExceptionCause.InstructionAccessFault, machine.Access(Touch.Fetch, Va));

        // A table outside memory: the access's own access fault.
        machine.Write(Va, 0x10_0000_0000 >> 12 << 10 | Valid, 2);
        machine.FenceAll();
        Assert.Equal(ExceptionCause.StoreAccessFault, machine.Access(Touch.Store, Va));
    }

    [Fact]
    public void Satp_takes_only_modes_the_hart_has()
    {
        foreach (var max in (SatpMode[])[SatpMode.Sv39, SatpMode.Sv48, SatpMode.Sv57])
        {
            using var machine = new TestMachine(options: new HartOptions { MaxSatpMode = max });
            for (ulong mode = 0; mode < 16; mode++)
            {
                machine.Hart.WriteCsr(0x180, 0);
                machine.Hart.WriteCsr(0x180, mode << 60 | 0xabcdul << 44 | 0x1234);
                var taken = mode == 0 || (mode >= 8 && mode <= (ulong)max);
                Assert.Equal(taken ? mode << 60 | 0xabcdul << 44 | 0x1234 : 0, machine.Hart.ReadCsr(0x180));
            }
        }
    }
}

public sealed class WalkTestsOnTdp() : WalkTests(MmuKind.Tdp);

public sealed class WalkTestsOnShadow() : WalkTests(MmuKind.Shadow);
