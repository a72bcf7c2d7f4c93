using System.Threading;
using Warren.HostMemory;
using Warren.Hypervisor.Paging;
using Warren.Machines.DeviceTree;
using Warren.Machines.Scheduling;
using Warren.Machines.Serial;

namespace Warren.Machines.Tests;

/// <summary>Whole machines: how they begin and how they end.</summary>
public abstract class MachineTests(MmuKind mmu) : OnEachMmu(mmu)
{
    [Fact]
    public void A_guest_prints_and_powers_off()
    {
        using var guest = new Guest("""
                    li      s0, UART
                    la      s1, text
            1:      lbu     t0, 0(s1)
                    beqz    t0, 2f
                    sb      t0, 0(s0)
                    addi    s1, s1, 1
                    j       1b
            2:      pass
            text:   .asciz  "Hello from the guest\n"
            """);
        Assert.Equal(new MachineExit(MachineExitKind.PowerOff, "The guest powered off."), guest.Run());
        Assert.Equal("Hello from the guest\n", guest.ConsoleText);
    }

    [Theory]
    [InlineData(0, 0, MachineExitKind.PowerOff)]
    [InlineData(0, 1, MachineExitKind.SystemFailure)]
    [InlineData(1, 0, MachineExitKind.Reboot)]
    [InlineData(2, 0, MachineExitKind.Reboot)]
    [InlineData(1, 1, MachineExitKind.SystemFailure)]
    public void System_reset_says_how_it_ended(int type, int reason, MachineExitKind kind)
    {
        using var guest = new Guest($"""
                    li      a0, {type}
                    li      a1, {reason}
                    sbi     SRST, 0
                    fail    1
            """);
        Assert.Equal(kind, guest.Run().Kind);
    }

    [Fact]
    public void The_finisher_reports_a_code()
    {
        using var guest = new Guest("        fail    42");
        var exit = guest.Run();
        Assert.Equal(MachineExitKind.SystemFailure, exit.Kind);
        Assert.Contains("42", exit.Detail, StringComparison.Ordinal);
        using var reset = new Guest("""
                    li      t0, FINISHER
                    li      t1, 0x7777
                    sw      t1, 0(t0)
            1:      j       1b
            """);
        Assert.Equal(MachineExitKind.Reboot, reset.Run().Kind);
    }

    [Theory]
    [InlineData("[    1.000000] Kernel panic - not syncing: no init", 1, MachineExitKind.Panic)]
    [InlineData("Kernel panic - not syncing: no init", 1, MachineExitKind.Panic)]
    [InlineData("Kernel panic - not syncing: no init", 0, MachineExitKind.PowerOff)]
    [InlineData("he said: Kernel panic - not syncing: no init", 1, MachineExitKind.Reboot)]
    public void A_panic_followed_by_a_reboot_is_a_panic(string line, int resetType, MachineExitKind kind)
    {
        using var guest = new Guest($"""
                    la      a1, text
                    li      a0, {line.Length + 1}
                    li      a2, 0
                    sbi     DBCN, 0
                    li      a0, {resetType}
                    li      a1, 0
                    sbi     SRST, 0
                    fail    1
            text:   .asciz  "{line}\n"
            """);
        var exit = guest.Run();
        Assert.Equal(kind, exit.Kind);
        if (kind == MachineExitKind.Panic)
            Assert.Equal("Kernel panic - not syncing: no init", exit.Detail);
    }

    [Theory]
    [InlineData("1: j 1b")]
    [InlineData("li t0, 0x20\n csrw sie, t0\n li t0, 1 << 50\n csrw 0x14d, t0\n1: wfi\n j 1b")]
    [InlineData("la t0, 1f\n csrw stvec, t0\n .balign 4\n1: nop\n unimp")]
    [InlineData("la t0, .\n csrw stvec, t0\n li t1, 0x70000000\n ld t2, 0(t1)")]
    [InlineData("1: li a7, 0x10\n ecall\n j 1b")]
    [InlineData("la s0, .\n1: sw zero, 0x700(s0)\n fence.i\n j 1b")]
    public async Task Any_guest_can_be_cancelled_and_timed_out(string source)
    {
        using var guest = new Guest(source);
        using var cancel = new CancellationTokenSource();
        using var machine = Machine.Create(guest.Options with { Cpus = 2 });
        var run = machine.RunAsync(cancel.Token);
        Assert.True(SpinWait.SpinUntil(() => machine.Statistics.Harts[0].Slices > 0, Guest.Patience));
        Assert.False(run.IsCompleted);
        await cancel.CancelAsync();
        Assert.Equal(MachineExitKind.Cancelled, (await run.WaitAsync(Guest.Patience)).Kind);
        Assert.Equal(MachineExitKind.TimedOut, Guest.Run(guest.Options with { Timeout = TimeSpan.FromMilliseconds(50) }).Kind);
    }

    [Fact]
    public async Task Disposing_a_running_machine_ends_it()
    {
        using var guest = new Guest("1: j 1b");
        var machine = Machine.Create(guest.Options);
        var run = machine.RunAsync();
        await machine.DisposeAsync();
        Assert.Equal(MachineExitKind.Cancelled, (await run).Kind);
        await machine.DisposeAsync();
        Assert.Throws<ObjectDisposedException>(() => { _ = machine.RunAsync(); });
    }

    [Fact]
    public async Task A_machine_runs_once()
    {
        using var guest = new Guest("        pass");
        using var machine = Machine.Create(guest.Options);
        await machine.RunAsync();
        Assert.Throws<InvalidOperationException>(() => { _ = machine.RunAsync(); });
    }

    [Fact]
    public async Task Everything_is_given_back()
    {
        using var guest = new Guest("""
                    li      t0, 0x80200000
                    li      t1, 0x80400000
                    li      t2, 4096
            1:      sd      t0, 0(t0)
                    add     t0, t0, t2
                    bltu    t0, t1, 1b
                    pass
            """);
        using var frames = new FramePool(256L << 20);
        using var pool = new VcpuPool(2, "given-back");
        var before = frames.FramesInUse;
        long most = 0;
        for (var i = 0; i < 5; i++)
        {
            using var machine = Machine.Create(guest.Options with { Frames = frames, Pool = pool, Cpus = 3 });
            Assert.Equal(MachineExitKind.PowerOff, (await machine.RunAsync()).Kind);
            most = Math.Max(most, frames.FramesInUse);
        }
        // And once without running, and once failing half way.
        Machine.Create(guest.Options with { Frames = frames, Pool = pool }).Dispose();
        Assert.InRange(most - before, 512, 4096);
        Assert.Equal(before, frames.FramesInUse);
        Assert.InRange(pool.ThreadCount, 1, 2);
    }

    [Fact]
    public void Threads_end_with_their_pool()
    {
        using var guest = new Guest("        pass");
        var pool = new VcpuPool(2, "tidy");
        Assert.Equal(MachineExitKind.PowerOff, Guest.Run(guest.Options with { Pool = pool, Cpus = 4 }).Kind);
        Assert.InRange(ThreadsNamed("tidy"), 2, 3);
        pool.Dispose();
        // The kernel's list may lag behind a join for a moment.
        Assert.True(SpinWait.SpinUntil(() => ThreadsNamed("tidy") == 0, Guest.Patience));
    }

    private static int ThreadsNamed(string prefix)
    {
        var count = 0;
        foreach (var task in Directory.GetDirectories("/proc/self/task"))
        {
            try
            {
                count += File.ReadAllText(Path.Combine(task, "comm")).StartsWith(prefix, StringComparison.Ordinal) ? 1 : 0;
            }
            catch (IOException)
            {
                // It ended between the listing and the look.
            }
        }
        return count;
    }

    [Fact]
    public void Kernel_initrd_and_tree_arrive_where_the_tree_says()
    {
        // Dumps the device tree, then the initrd, through the debug console.
        using var guest = new Guest("""
                    mv      s0, a1
                    lbu     t0, 5(s0)
                    lbu     t1, 6(s0)
                    lbu     t2, 7(s0)
                    slli    t0, t0, 16
                    slli    t1, t1, 8
                    or      t0, t0, t1
                    or      s1, t0, t2
                    call    dump
                    li      s0, 0x80200000
                    li      s1, 10000
                    call    dump
                    pass
            dump:   mv      a0, s1
                    mv      a1, s0
                    li      a2, 0
                    sbi     DBCN, 0
                    bnez    a0, 1f
                    add     s0, s0, a1
                    sub     s1, s1, a1
                    bnez    s1, dump
                    ret
            1:      fail    1
            """);
        var initrd = new byte[10_000];
        new Random(3).NextBytes(initrd);
        var options = guest.Options with { InitrdPath = guest.Save("initrd", initrd), CommandLine = "quiet panic=-1", Cpus = 2 };
        Assert.Equal(MachineExitKind.PowerOff, Guest.Run(options).Kind);
        var dump = guest.Console.ToArray();
        var tree = FdtReader.Read(dump);
        Assert.Equal(["quiet panic=-1"], tree.At("/chosen")!.StringList("bootargs"));
        Assert.Equal(0x8020_0000u, tree.At("/chosen")!.Cell("linux,initrd-start", 1));
        Assert.Equal(0x8020_0000u + 10_000, tree.At("/chosen")!.Cell("linux,initrd-end", 1));
        Assert.Equal(initrd, dump[^10_000..]);
    }

    /// <summary>
    /// Segments at every kind of offset and length: mapped, copied, or some of each, the guest's memory must be the same.
    /// </summary>
    [Fact]
    public void Segments_arrive_whatever_their_alignment()
    {
        using var dumper = new Guest("""
                    li      s0, 0x80100000
                    li      s1, 0x40000
            dump:   mv      a0, s1
                    mv      a1, s0
                    li      a2, 0
                    sbi     DBCN, 0
                    add     s0, s0, a1
                    sub     s1, s1, a1
                    bnez    s1, dump
                    pass
            """);
        var code = CodeOf(dumper.KernelPath);
        var random = new Random(20261121);
        for (var round = 0; round < 8; round++)
        {
            var expected = new byte[0x40000];
            var segments = new List<(ulong, ulong, byte[], ulong)> { (MemoryMap.Ram, MemoryMap.Ram, code, (ulong)code.Length) };
            var at = 0;
            while (true)
            {
                at += random.Next(3) == 0 ? random.Next(1, 9000) : 0;
                if (round % 2 == 0)
                    at = (at + 4095) & ~4095;
                int length = random.Next(1, 20_000), zeros = random.Next(3) == 0 ? random.Next(9000) : 0;
                if (at + length + zeros > expected.Length)
                    break;
                var data = new byte[length];
                random.NextBytes(data);
                data.CopyTo(expected, at);
                var address = MemoryMap.Ram + 0x10_0000 + (ulong)at;
                segments.Add((address, address, data, (ulong)(length + zeros)));
                at += length + zeros;
            }
            var path = dumper.Save($"round{round}", PageCongruent(segments, round));
            dumper.Console.SetLength(0);
            Assert.Equal(MachineExitKind.PowerOff, Guest.Run(dumper.Options with { KernelPath = path }).Kind);
            Assert.True(expected.AsSpan().SequenceEqual(dumper.Console.ToArray()), $"round {round}");
        }
    }

    [Fact]
    public void Impossible_options_are_one_sentence()
    {
        using var guest = new Guest("        pass");
        var initrd = guest.Save("initrd", new byte[12 << 20]);
        var good = guest.Options;
        (MachineOptions Options, string Word)[] cases =
        [
            (good with { Cpus = 0 }, "CPUs"),
            (good with { Cpus = 17 }, "CPUs"),
            (good with { MemoryBytes = 0 }, "MiB"),
            (good with { MemoryBytes = -1 }, "MiB"),
            (good with { MemoryBytes = (1 << 20) + 1 }, "MiB"),
            (good with { InitrdPath = initrd, MemoryBytes = 8 << 20 }, "at least"),
            (good with { InitrdPath = guest.Save("empty", []) }, "empty"),
            (good with { InitrdPath = "/nowhere/initrd" }, "/nowhere/initrd"),
            (good with { InitrdPath = Path.GetTempPath() }, "directory"),
            (good with { KernelPath = "/nowhere/kernel" }, "/nowhere/kernel"),
            (good with { KernelPath = initrd }, "not a kernel"),
            (good with { Serial = [] }, "UART"),
            (good with { Timeout = TimeSpan.Zero }, "timeout"),
            (good with { KernelPath = guest.Save("Image", KernelFiles.FlatImage()), CommandLine = new string('x', 1024) }, "1023"),
        ];
        foreach ((var options, var word) in cases)
        {
            var message = Assert.Throws<MachineConfigurationException>(() => Machine.Create(options)).Message;
            Assert.Contains(word, message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', message);
        }
    }

    [Fact]
    public void The_self_test_passes_on_the_board()
    {
        foreach (var cpus in (int[])[1, 2, 4])
        {
            using var guest = new Guest(Images.Guests.EmbeddedGuests.Selftest);
            var exit =
                Guest.Run(guest.Options with
                {
                    Cpus = cpus,
                    MemoryBytes = 64 << 20,
                    Serial = [new SerialOptions { Output = guest.Console }, SerialOptions.Discard]
                });
            string[] failures = [.. guest.ConsoleText.Split('\n').Where(l => l.StartsWith("FAIL", StringComparison.Ordinal))];
            Assert.Empty(failures);
            Assert.Equal(MachineExitKind.PowerOff, exit.Kind);
        }
    }

    private static byte[] CodeOf(string elf)
    {
        var image = Boot.KernelFile.Open(elf, MemoryMap.Ram);
        var segment = image.Segments.First(s => image.Entry - s.Address < s.FileSize);
        Assert.Equal(image.Entry, segment.Address);
        return File.ReadAllBytes(elf).AsSpan((int)segment.FileOffset, (int)segment.FileSize).ToArray();
    }

    /// <summary>
    /// An ELF whose data lies at offsets congruent to their addresses in every second round, so that pages can be mapped.
    /// </summary>
    private static byte[] PageCongruent(List<(ulong, ulong Address, byte[] Data, ulong)> segments, int round)
    {
        var elf = KernelFiles.Elf(entry: MemoryMap.Ram, segments: [.. segments]);
        if (round < 4)
            return elf;
        var file = new MemoryStream();
        file.Write(elf, 0, 64 + 56 * segments.Count);
        for (var i = 0; i < segments.Count; i++)
        {
            while ((ulong)file.Position % 4096 != segments[i].Address % 4096)
                file.WriteByte(0xee);
            BitConverter.TryWriteBytes(elf.AsSpan(64 + 56 * i + 8), file.Position);
            file.Write(segments[i].Data);
        }
        file.Position = 0;
        file.Write(elf, 0, 64 + 56 * segments.Count);
        return file.ToArray();
    }
}

public sealed class MachineTestsOnTdp() : MachineTests(MmuKind.Tdp);

public sealed class MachineTestsOnShadow() : MachineTests(MmuKind.Shadow);
