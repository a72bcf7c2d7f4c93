using System.Threading;
using Warren.Machines.Scheduling;
using Warren.Machines.Serial;

namespace Warren.Machines.Tests;

/// <summary>
/// A machine whose harts all wait for what nothing can bring ends, and says so; one that anything can still wake does not.
/// </summary>
public sealed class StuckTests
{
    private const string EnableUart = """
                li      s0, UART
                li      t1, PLIC
                li      t0, 1
                sw      t0, 40(t1)              # priority of source 10
                li      t1, PLIC + 0x2000
                li      t0, 1 << 10
                sw      t0, 0(t1)

        """;

    private const string EnableRtc = """
                li      s0, RTC
                li      t1, PLIC
                li      t0, 1
                sw      t0, 44(t1)              # priority of source 11
                li      t1, PLIC + 0x2000
                li      t0, 1 << 11
                sw      t0, 0(t1)
                li      t0, 1 << 9
                csrw    sie, t0
                lwu     s1, 0(s0)
                lwu     s2, 4(s0)
                slli    s2, s2, 32
                or      s1, s1, s2
                li      t0, 20000000            # in 20 ms
                add     s1, s1, t0
                srli    t0, s1, 32
                sw      t0, 12(s0)

        """;

    private static MachineExit Run(Guest guest, int cpus = 1) =>
        Guest.Run(guest.Options with { Cpus = cpus, Serial = [new SerialOptions()] });

    [Theory]
    [InlineData("1: wfi\n j 1b", "waits for an interrupt")]
    [InlineData("csrw sie, zero\n1: wfi\n j 1b", "no timer is set")]
    [InlineData("li t0, 0x222\n csrw sie, t0\n1: wfi\n j 1b", "waits")]
    [InlineData("csrw 0x14d, zero\n1: wfi\n j 1b", "waits")]                                                     // pending, not enabled
    [InlineData("li t0, 0x20\n csrw sie, t0\n li t0, -1\n csrw 0x14d, t0\n1: wfi\n j 1b", "waits")]              // never
    [InlineData("sbi HSM, 1\n fail 1", "stopped itself")]
    [InlineData("li a0, 0\n sbi HSM, 3\n fail 1", "waits")]
    [InlineData("li a0, 0x80000000\n la a1, _start\n sbi HSM, 3\n fail 1", "waits")]
    public void A_hart_that_nothing_can_wake_ends_the_machine(string source, string words)
    {
        using var guest = new Guest(source);
        var exit = Run(guest);
        Assert.Equal(MachineExitKind.Stuck, exit.Kind);
        Assert.Contains(words, exit.Detail, StringComparison.Ordinal);
        Assert.Contains("console is empty", exit.Detail, StringComparison.Ordinal);
        Assert.EndsWith(".", exit.Detail, StringComparison.Ordinal);
    }

    /// <summary>A device that is enabled at one place of its way to the hart but not at all of them brings nothing.</summary>
    [Theory]
    [InlineData("li t0, 1\n sb t0, 1(s0)\n1: wfi\n j 1b")]                                                        // no SEIE
    [InlineData("li t0, 1 << 9\n csrw sie, t0\n1: wfi\n j 1b")]                                                   // not in the UART
    // threshold above the priority
    [InlineData("li t0, 1\n sb t0, 1(s0)\n li t0, 1 << 9\n csrw sie, t0\n li t0, PLIC + 0x200000\n li t1, 7\n sw t1, 0(t0)\n1: wfi\n j 1b")]
    // at the priority
    [InlineData("li t0, 1\n sb t0, 1(s0)\n li t0, 1 << 9\n csrw sie, t0\n li t0, PLIC + 0x200000\n li t1, 1\n sw t1, 0(t0)\n1: wfi\n j 1b")]
    [InlineData("li t0, 1\n sb t0, 1(s0)\n li t0, 1 << 9\n csrw sie, t0\n li t0, 0x12\n sb t0, 4(s0)\n1: wfi\n j 1b")] // loopback
    // nothing to transmit
    [InlineData("li t0, 2\n sb t0, 1(s0)\n lbu t0, 2(s0)\n li t1, PLIC + 0x200000\n lwu t0, 4(t1)\n sw t0, 4(t1)\n li t0, 1 << 9\n csrw "
        + "sie, t0\n1: wfi\n j 1b")]
    // RTS low
    [InlineData("li t0, 1\n sb t0, 1(s0)\n li t0, 1 << 9\n csrw sie, t0\n li t0, 2\n sb t0, 4(s0)\n li t0, 1\n sb t0, 4(s0)\n1: wfi\n j "
        + "1b")]
    public void A_device_must_be_enabled_all_the_way(string source)
    {
        using var guest = new Guest(EnableUart + source);
        Assert.Equal(MachineExitKind.Stuck, Run(guest).Kind);
    }

    /// <summary>A source that was claimed and not completed is shut.</summary>
    [Fact]
    public async Task A_claimed_source_brings_nothing_more()
    {
        using var guest = new Guest(EnableUart + """
                    li      t0, 1
                    sb      t0, 1(s0)
                    li      t0, 1 << 9
                    csrw    sie, t0
                    li      s2, PLIC + 0x200000
            1:      wfi
                    lwu     t0, 4(s2)
                    beqz    t0, 1b
                    lbu     t0, 0(s0)
            2:      wfi
                    j       2b
            """);
        using var machine = Machine.Create(guest.Options with { Serial = [new SerialOptions()] });
        var run = machine.RunAsync();
        Assert.True(SpinWait.SpinUntil(() => machine.Statistics.Instructions > 10, Guest.Patience));
        machine.Uart(0).Write("x"u8);
        Assert.Equal(MachineExitKind.Stuck, (await run.WaitAsync(Guest.Patience)).Kind);
    }

    [Theory]
    [InlineData("li t0, 0x20\n csrw sie, t0\n rdtime t0\n li t1, 200000\n add t0, t0, t1\n csrw 0x14d, t0\n wfi\n pass")]
    [InlineData("li t0, 0x20\n csrw sie, t0\n csrw 0x14d, zero\n wfi\n pass")]
    [InlineData("li t0, 2\n csrw sie, t0\n csrsi sip, 2\n wfi\n pass")]
    [InlineData("li t0, 0x20\n csrw sie, t0\n rdtime t0\n li t1, 200000\n add t0, t0, t1\n csrw 0x14d, t0\n li a0, 0\n sbi HSM, 3\n pass")]
    public void A_timer_or_a_pending_interrupt_is_waited_for(string source)
    {
        using var guest = new Guest(source);
        Assert.Equal(MachineExitKind.PowerOff, Run(guest).Kind);
    }

    [Theory]
    [InlineData(true, MachineExitKind.PowerOff)]
    [InlineData(false, MachineExitKind.Stuck)]
    public void The_alarm_of_the_clock_is_waited_for_if_it_interrupts(bool enabled, MachineExitKind kind)
    {
        using var guest = new Guest(EnableRtc + $"""
                    li      t0, {(enabled ? 1 : 0)}
                    sw      t0, 16(s0)
                    sw      s1, 8(s0)
                    wfi
                    pass
            """);
        // Without the interrupt a WFI is never over.
        Assert.Equal(kind, Run(guest).Kind);
    }

    /// <summary>Nobody has set it; it was set, and taken back.</summary>
    [Theory]
    [InlineData("")]
    [InlineData("srli t1, s1, 8\n add s1, s1, t1\n srli t0, s1, 32\n sw t0, 12(s0)\n sw s1, 8(s0)\n sw zero, 20(s0)")]
    public void An_alarm_that_is_not_set_brings_nothing(string alarm)
    {
        using var guest = new Guest(EnableRtc + $"""
                    li      t0, 1
                    sw      t0, 16(s0)
                    {alarm}
            1:      wfi
                    j       1b
            """);
        Assert.Equal(MachineExitKind.Stuck, Run(guest).Kind);
    }

    /// <summary>The guest waits for a host that does not read: what is read makes room, and that interrupts.</summary>
    [Fact]
    public async Task A_host_that_reads_on_is_waited_for()
    {
        using var guest = new Guest(EnableUart + """
                    li      t0, 1 << 9
                    csrw    sie, t0
                    li      t1, 'x'
            fill:   sb      t1, 0(s0)
                    lbu     t0, 5(s0)
                    andi    t0, t0, 0x20
                    bnez    t0, fill
                    li      t0, 2
                    sb      t0, 1(s0)               # transmitter empty
                    wfi
                    pass
            """);
        using var machine = Machine.Create(guest.Options with { Serial = [new SerialOptions { Capacity = 64 }] });
        var run = machine.RunAsync();
        Assert.True(SpinWait.SpinUntil(() => machine.Uart(0).BytesFromGuest >= 64, Guest.Patience));
        var buffer = new byte[64];
        while (!run.IsCompleted && await machine.Uart(0).ReadAsync(buffer).AsTask().WaitAsync(Guest.Patience) > 0)
        {
        }
        Assert.Equal(MachineExitKind.PowerOff, (await run.WaitAsync(Guest.Patience)).Kind);
    }

    [Theory]
    [InlineData("first\\nlast words", "last words")]
    [InlineData("Kernel panic - not syncing: no init\\nafter", "Kernel panic - not syncing: no init")]
    public void The_end_is_explained_by_what_the_console_said(string text, string words)
    {
        using var guest = new Guest($"""
                    li      s0, UART
                    la      s1, text
            1:      lbu     t0, 0(s1)
                    beqz    t0, 2f
                    sb      t0, 0(s0)
                    addi    s1, s1, 1
                    j       1b
            2:      wfi
                    j       2b
            text:   .asciz  "{text}"
            """);
        var exit = guest.Run();
        Assert.Equal(MachineExitKind.Stuck, exit.Kind);
        Assert.Contains(words, exit.Detail, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', exit.Detail);
    }

    /// <summary>
    /// Harts that hand work to each other and then all go to sleep, at about the same time and each in its own way. Over and over the end
    /// must be noticed, and never before the last of them has done its part (it leaves a mark, which the hart that sleeps last does not
    /// wait for).
    /// </summary>
    [Theory]
    [InlineData(2, 2)]
    [InlineData(4, 2)]
    [InlineData(4, 1)]
    public void Harts_that_go_to_sleep_together_are_noticed_and_not_too_early(int cpus, int threads)
    {
        using var guest = new Guest($"""
                    li      s10, {cpus}
                    li      s11, 1
            1:      bgeu    s11, s10, 2f
                    mv      a0, s11
                    la      a1, other
                    li      a2, 0
                    sbi     HSM, 0
                    addi    s11, s11, 1
                    j       1b
            2:      li      s8, 0
                    j       work
            other:  mv      s8, a0
            work:   li      t0, 2
                    csrw    sie, t0
                    li      s9, 20                  # times round: each wakes the next and sleeps until it is woken
                    bnez    s8, sleep
            send:   li      a0, 1
                    addi    s7, s8, 1
                    li      t0, {cpus}
                    remu    a1, s7, t0
                    sbi     IPI, 0
                    addi    s9, s9, -1
                    beqz    s9, done
            sleep:  wfi
                    csrr    t0, sip
                    andi    t0, t0, 2
                    beqz    t0, sleep
                    csrci   sip, 2
                    j       send
            done:   li      t0, UART
                    li      t1, '.'
                    sb      t1, 0(t0)
                    csrw    sie, zero
                    andi    t0, s8, 1
                    beqz    t0, halt
                    sbi     HSM, 1
            halt:   wfi
                    j       halt
            """);
        using var pool = new VcpuPool(threads, "stuck");
        for (var round = 0; round < 100; round++)
        {
            guest.Console.SetLength(0);
            var exit = Guest.Run(guest.Options with { Cpus = cpus, Pool = pool, Vm = guest.Options.Vm with { Audit = false } });
            Assert.Equal(MachineExitKind.Stuck, exit.Kind);
            Assert.Equal(new string('.', cpus), guest.ConsoleText);
        }
    }
}
