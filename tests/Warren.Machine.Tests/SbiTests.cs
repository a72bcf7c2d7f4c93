using System.Text;
using Warren.Hypervisor;
using Warren.Machines.Sbi;
using Warren.Machines.Scheduling;

namespace Warren.Machines.Tests;

public sealed class SbiTests
{
    private const ulong Base = 0x10, Time = 0x54494D45, Ipi = 0x735049, Fences = 0x52464E43, Hsm = 0x48534D, Reset = 0x53525354,
        Console = 0x4442434E, Suspend = 0x53555350;
    private const ulong Ram = 0x8000_0000;

    private readonly Platform _platform = new(4);
    private readonly HartStates _states = new(4);
    private readonly SbiHandler _sbi;

    public SbiTests() => _sbi = new SbiHandler(_platform, _states);

    private SbiResult Call(ulong extension, ulong function, ulong a0 = 0, ulong a1 = 0, ulong a2 = 0, ulong a3 = 0, ulong a4 = 0,
        int hart = 0)
        => _sbi.Handle(hart, new SbiCall(extension, function, a0, a1, a2, a3, a4));

    private static void AssertFails(SbiError error, SbiResult result)
        => Assert.Equal(SbiResult.Fail(error), result);

    [Fact]
    public void Base_names_version_and_extensions()
    {
        Assert.Equal(SbiResult.Return(0x0200_0000), Call(Base, 0));
        foreach (var present in (ulong[])[0, 8, Base, Time, Ipi, Fences, Hsm, Reset, Console, Suspend])
            Assert.Equal(SbiResult.Return(1), Call(Base, 3, present));
        foreach (var absent in (ulong[])[9, 0x504D55, 0x4E41434C, 0x535441, 0x43505043, ulong.MaxValue])
            Assert.Equal(SbiResult.Return(0), Call(Base, 3, absent));
        for (ulong id = 4; id <= 6; id++)
            Assert.Equal(SbiResult.Return(0), Call(Base, id));
        AssertFails(SbiError.NotSupported, Call(Base, 7));
        AssertFails(SbiError.NotSupported, Call(0x504D55, 0));
        AssertFails(SbiError.NotSupported, Call(0x0900_0000, 0));
        AssertFails(SbiError.NotSupported, Call(Time, 1));
        AssertFails(SbiError.NotSupported, Call(Reset, 1));
    }

    [Fact]
    public void Timer_goes_to_the_calling_hart()
    {
        Assert.Equal(SbiResult.Success, Call(Time, 0, 12345, hart: 2));
        Assert.Equal("timer 2 12345", _platform.Take());
    }

    [Theory]
    [InlineData(0b11UL, 0UL, "ipi 0", "ipi 1")]
    [InlineData(0b101UL, 1UL, "ipi 1", "ipi 3")]
    [InlineData(0UL, ulong.MaxValue, "ipi 0", "ipi 1", "ipi 2", "ipi 3")]
    [InlineData(0UL, 0UL)]
    public void Interprocessor_interrupts_follow_the_mask(ulong mask, ulong maskBase, params string[] expected)
    {
        StartAll();
        Assert.Equal(SbiResult.Success, Call(Ipi, 0, mask, maskBase));
        Assert.Equal(expected, _platform.TakeAll());
    }

    [Theory]
    [InlineData(0b10000UL, 0UL)]
    [InlineData(1UL, 4UL)]
    [InlineData(0b1000UL, 1UL)]
    [InlineData(1UL << 63, 0UL)]
    [InlineData(1UL << 63, 3UL)]
    [InlineData(1UL, ulong.MaxValue - 1)]
    public void Harts_that_do_not_exist_are_an_error(ulong mask, ulong maskBase)
    {
        AssertFails(SbiError.InvalidParameter, Call(Ipi, 0, mask, maskBase));
        AssertFails(SbiError.InvalidParameter, Call(Fences, 0, mask, maskBase));
        Assert.Empty(_platform.TakeAll());
    }

    [Fact]
    public void A_stopped_hart_gets_no_interrupt()
    {
        Call(Ipi, 0, 0, ulong.MaxValue);
        Assert.Equal(["ipi 0"], _platform.TakeAll());
    }

    [Fact]
    public void Remote_fences_carry_their_range()
    {
        Assert.Equal(SbiResult.Success, Call(Fences, 0, 2, 0));
        Assert.Equal($"fence 2 {new Fence(FenceKind.Instructions, 0, 0, -1)}", _platform.Take());
        Call(Fences, 1, 4, 0, 0x1000, 0x2000);
        Assert.Equal($"fence 4 {new Fence(FenceKind.Addresses, 0x1000, 0x2000, -1)}", _platform.Take());
        Call(Fences, 2, 8, 0, 0x1000, 0x2000, 77);
        Assert.Equal($"fence 8 {new Fence(FenceKind.Addresses, 0x1000, 0x2000, 77)}", _platform.Take());
        for (ulong function = 3; function < 8; function++)
            AssertFails(SbiError.NotSupported, Call(Fences, function, 1, 0));
        Assert.True(new Fence(FenceKind.Addresses, 0, 0, -1).IsWholeSpace);
        Assert.True(new Fence(FenceKind.Addresses, 0x1000, ulong.MaxValue, -1).IsWholeSpace);
        Assert.False(new Fence(FenceKind.Addresses, 0x1000, 0, -1).IsWholeSpace);
    }

    [Fact]
    public void A_hart_is_started_stopped_and_started_again()
    {
        Assert.Equal(SbiResult.Return(1), Call(Hsm, 2, 1));
        Assert.Equal(SbiResult.Success, Call(Hsm, 0, 1, Ram + 0x1000, 99));
        Assert.Equal(["clear 1", "notify 1"], _platform.TakeAll());
        Assert.Equal(SbiResult.Return(2), Call(Hsm, 2, 1));
        AssertFails(SbiError.AlreadyAvailable, Call(Hsm, 0, 1, Ram, 0));
        Assert.True(_states.TryRun(1, false, out var entry));
        Assert.Equal(new HartEntry(Ram + 0x1000, 99), entry);
        Assert.Equal(SbiResult.Return(0), Call(Hsm, 2, 1));
        Assert.True(_states.TryRun(1, false, out entry));
        Assert.Null(entry);
        Assert.Equal(SbiResult.NoReturn, Call(Hsm, 1, hart: 1));
        Assert.False(_states.TryRun(1, true, out _));
        Assert.Equal(SbiResult.Success, Call(Hsm, 0, 1, Ram, 0));
        AssertFails(SbiError.AlreadyAvailable, Call(Hsm, 0, 0, Ram, 0));
        AssertFails(SbiError.InvalidParameter, Call(Hsm, 0, 4, Ram, 0));
        AssertFails(SbiError.InvalidParameter, Call(Hsm, 2, ulong.MaxValue));
        AssertFails(SbiError.InvalidAddress, Call(Hsm, 0, 2, 0x1000, 0));
        AssertFails(SbiError.InvalidAddress, Call(Hsm, 0, 2, Ram + 1, 0));
        AssertFails(SbiError.InvalidAddress, Call(Hsm, 0, 2, Ram + (64 << 20), 0));
        AssertFails(SbiError.NotSupported, Call(Hsm, 4));
    }

    [Fact]
    public void A_suspended_hart_waits_for_its_interrupt()
    {
        Assert.Equal(SbiResult.Suspend, Call(Hsm, 3, 0));
        Assert.Equal(SbiResult.Return(4), Call(Hsm, 2, 0, hart: 1));
        Assert.False(_states.TryRun(0, false, out _));
        Assert.True(_states.TryRun(0, true, out var entry));
        Assert.Null(entry);
        Assert.Equal(SbiResult.NoReturn, Call(Hsm, 3, 0x8000_0000, Ram + 0x100, 5));
        Assert.False(_states.TryRun(0, false, out _));
        Assert.True(_states.TryRun(0, true, out entry));
        Assert.Equal(new HartEntry(Ram + 0x100, 5), entry);
        AssertFails(SbiError.InvalidAddress, Call(Hsm, 3, 0x8000_0000, 0x100, 5));
        foreach (var reserved in (ulong[])[1, 0x0fff_ffff, 0x1000_0000, 0x8000_0001, 0xffff_ffff])
            AssertFails(SbiError.InvalidParameter, Call(Hsm, 3, reserved, Ram, 0));
    }

    [Fact]
    public void The_system_suspends_only_with_one_hart_left()
    {
        Call(Hsm, 0, 1, Ram, 0);
        AssertFails(SbiError.Denied, Call(Suspend, 0, 0, Ram, 0));
        _states.TryRun(1, false, out _);
        Call(Hsm, 1, hart: 1);
        AssertFails(SbiError.InvalidParameter, Call(Suspend, 0, 1, Ram, 0));
        AssertFails(SbiError.InvalidAddress, Call(Suspend, 0, 0, 0, 0));
        Assert.Equal(SbiResult.NoReturn, Call(Suspend, 0, 0, Ram, 7));
        Assert.True(_states.TryRun(0, true, out var entry));
        Assert.Equal(new HartEntry(Ram, 7), entry);
    }

    [Fact]
    public void Resets_carry_type_and_reason()
    {
        Assert.Equal(SbiResult.NoReturn, Call(Reset, 0, 0, 0));
        Assert.Equal("reset Shutdown False", _platform.Take());
        Call(Reset, 0, 0, 1);
        Assert.Equal("reset Shutdown True", _platform.Take());
        Call(Reset, 0, 1, 0);
        Assert.Equal("reset ColdReboot False", _platform.Take());
        Call(Reset, 0, 2, 1);
        Assert.Equal("reset WarmReboot True", _platform.Take());
        AssertFails(SbiError.InvalidParameter, Call(Reset, 0, 3, 0));
        AssertFails(SbiError.InvalidParameter, Call(Reset, 0, 0, 2));
        AssertFails(SbiError.InvalidParameter, Call(Reset, 0, 0xf000_0000, 0));
    }

    [Fact]
    public void The_debug_console_moves_bytes_and_checks_addresses()
    {
        "hello"u8.CopyTo(_platform.Memory);
        Assert.Equal(SbiResult.Return(5), Call(Console, 0, 5, Ram, 0));
        Assert.Equal(SbiResult.Success, Call(Console, 2, 'x'));
        Assert.Equal("hellox", _platform.Output.ToString());
        _platform.Input = "typed";
        Assert.Equal(SbiResult.Return(3), Call(Console, 1, 3, Ram + 16, 0));
        Assert.Equal(SbiResult.Return(2), Call(Console, 1, 100, Ram + 19, 0));
        Assert.Equal("typed", Encoding.ASCII.GetString(_platform.Memory, 16, 5));
        Assert.Equal(SbiResult.Return(0), Call(Console, 1, 100, Ram, 0));
        Assert.Equal(SbiResult.Return(0), Call(Console, 0, 0, Ram, 0));
        Assert.Equal(SbiResult.Return(0), Call(Console, 0, 0, 1, 1));
        _platform.ConsoleRoom = 2;
        Assert.Equal(SbiResult.Return(2), Call(Console, 0, 5, Ram, 0));
        _platform.ConsoleRoom = 0;
        AssertFails(SbiError.Failed, Call(Console, 2, 'x'));
        AssertFails(SbiError.InvalidParameter, Call(Console, 0, 5, Ram, 1));
        AssertFails(SbiError.InvalidParameter, Call(Console, 0, 5, 0x1000, 0));
        AssertFails(SbiError.InvalidParameter, Call(Console, 0, 5, Ram + (64 << 20) - 4, 0));
        AssertFails(SbiError.InvalidParameter, Call(Console, 0, ulong.MaxValue, Ram, 0));
        AssertFails(SbiError.InvalidParameter, Call(Console, 1, 5, ulong.MaxValue - 2, 0));
        AssertFails(SbiError.NotSupported, Call(Console, 3));
    }

    [Fact]
    public void Legacy_calls_answer_in_a0_alone()
    {
        StartAll();
        Assert.Equal(SbiResult.LegacySuccess, Call(0, 0, 777, hart: 1));
        Assert.Equal("timer 1 777", _platform.Take());
        Assert.Equal(SbiResult.LegacySuccess, Call(1, 0, '!'));
        Assert.Equal("!", _platform.Output.ToString());
        Assert.Equal(SbiResult.Legacy(-1), Call(2, 0));
        _platform.Input = "k";
        Assert.Equal(SbiResult.Legacy('k'), Call(2, 0));
        Call(3, 0, hart: 3);
        Assert.Equal("clear 3", _platform.Take());
        _platform.Memory[0x21] = 0b110;
        Assert.Equal(SbiResult.LegacySuccess, Call(4, 0, Platform.VirtualOffset + Ram + 0x21));
        Assert.Equal(["ipi 1", "ipi 2"], _platform.TakeAll());
        Call(5, 0);
        Assert.Equal($"fence 15 {new Fence(FenceKind.Instructions, 0, 0, -1)}", _platform.Take());
        Call(7, 0, Platform.VirtualOffset + Ram + 0x21, 0x1000, 0x2000, 3);
        Assert.Equal($"fence 6 {new Fence(FenceKind.Addresses, 0x1000, 0x2000, 3)}", _platform.Take());
        Assert.Equal(SbiResult.Legacy(-5), Call(4, 0, 8));
        Assert.Equal(SbiResult.NoReturn, Call(8, 0));
        Assert.Equal("reset Shutdown False", _platform.Take());
    }

    [Fact]
    public void Anything_at_all_is_answered()
    {
        var random = new Random(20261121);
        ulong[] extensions =
            [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, Base, Time, Ipi, Fences, Hsm, Reset, Console, Suspend, 0x504D55, ulong.MaxValue];
        ulong[] values =
            [0, 1, 2, 3, 4, 15, 16, 63, 64, Ram, Ram + 1, Ram + (64 << 20) - 1, ulong.MaxValue, ulong.MaxValue - 1, 1UL << 63, 0xffff_ffff,
                0x8000_0000, Platform.VirtualOffset + Ram + 7];
        ulong Value() => random.Next(4) == 0 ? (ulong)random.NextInt64() : values[random.Next(values.Length)];
        for (var i = 0; i < 300_000; i++)
        {
            var extension = random.Next(20) == 0 ? Value() : extensions[random.Next(extensions.Length)];
            var hart = random.Next(4);
            _platform.ConsoleRoom = random.Next(10);
            var result =
                Call(extension, random.Next(10) == 0 ? Value() : (ulong)random.Next(8), Value(), Value(), Value(), Value(), Value(), hart);
            if (result.Outcome == SbiOutcome.Return)
                Assert.InRange((long)result.Error, -8, 0);
            _platform.TakeAll();
            _platform.Output.Clear();
            for (var h = 0; h < 4; h++)
                _states.TryRun(h, random.Next(2) == 0, out _);
        }
        Assert.Equal(300_000, _sbi.Calls);
    }

    private void StartAll()
    {
        for (var i = 1; i < 4; i++)
        {
            Call(Hsm, 0, (ulong)i, Ram, 0);
            _states.TryRun(i, false, out _);
        }
        _platform.TakeAll();
    }

    private sealed class Platform(int harts) : ISbiPlatform
    {
        public const ulong VirtualOffset = 0xffff_ffc0_0000_0000;

        private static readonly Gpa Start = new(Ram);

        private readonly List<string> _events = [];

        public byte[] Memory { get; } = new byte[64 << 20];

        public StringBuilder Output { get; } = new();

        public string Input { get; set; } = string.Empty;

        public int ConsoleRoom { get; set; } = int.MaxValue;

        public int HartCount => harts;

        public string Take() => Assert.Single(TakeAll());

        public string[] TakeAll()
        {
            string[] taken = [.. _events];
            _events.Clear();
            return taken;
        }

        public bool IsMemory(Gpa address, ulong length)
            => address >= Start && address - Start <= (ulong)Memory.Length && length <= (ulong)Memory.Length - (address - Start);

        public bool ReadMemory(Gpa address, Span<byte> target)
        {
            if (!IsMemory(address, (ulong)target.Length))
                return false;
            Memory.AsSpan((int)(address - Start), target.Length).CopyTo(target);
            return true;
        }

        public bool WriteMemory(Gpa address, ReadOnlySpan<byte> bytes)
        {
            if (!IsMemory(address, (ulong)bytes.Length))
                return false;
            bytes.CopyTo(Memory.AsSpan((int)(address - Start)));
            return true;
        }

        public bool TryTranslate(int hart, Gva virtualAddress, out Gpa physicalAddress)
        {
            physicalAddress = new Gpa(virtualAddress.Value - VirtualOffset);
            return virtualAddress >= new Gva(VirtualOffset);
        }

        public void SetTimer(int hart, ulong ticks) => _events.Add($"timer {hart} {ticks}");

        public void SetSoftwareInterrupt(int hart, bool level) => _events.Add($"{(level ? "ipi" : "clear")} {hart}");

        public void Fence(int caller, uint hartMask, in Fence fence) => _events.Add($"fence {hartMask} {fence}");

        public void NotifyHart(int hart) => _events.Add($"notify {hart}");

        public int ConsoleWrite(ReadOnlySpan<byte> bytes)
        {
            var n = Math.Min(bytes.Length, ConsoleRoom);
            Output.Append(Encoding.Latin1.GetString(bytes[..n]));
            return n;
        }

        public int ConsoleRead(Span<byte> target)
        {
            var n = Math.Min(target.Length, Input.Length);
            Encoding.Latin1.GetBytes(Input.AsSpan(0, n), target);
            Input = Input[n..];
            return n;
        }

        public void Reset(SbiResetType type, bool systemFailure) => _events.Add($"reset {type} {systemFailure}");
    }
}
