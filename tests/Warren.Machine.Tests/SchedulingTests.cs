using System.Text;
using System.Threading;
using Warren.Hypervisor.Paging;
using Warren.Machines.Scheduling;
using Warren.Machines.Serial;

namespace Warren.Machines.Tests;

/// <summary>Harts that wait for each other, for timers and for devices: a wake-up lost anywhere is a test that never ends.</summary>
public abstract class SchedulingTests(MmuKind mmu) : OnEachMmu(mmu)
{
    /// <summary>Starts harts 1 to n at "other" with a stack of their own; each finds its number in a0.</summary>
    private const string StartOthers = """
                    li      s11, 1
            1:      bgeu    s11, s10, 2f
                    mv      a0, s11
                    la      a1, other
                    li      a2, 0
                    sbi     HSM, 0
                    bnez    a0, failed
                    addi    s11, s11, 1
                    j       1b
            2:

            """;

    /// <summary>
    /// A token goes round all harts: each sleeps in WFI with only software interrupts enabled until the hart before it sends one. The
    /// sender's IPI meets the receiver anywhere between its last look and its sleep.
    /// </summary>
    [Theory]
    [InlineData(2, 1, 3000)]
    [InlineData(2, 2, 3000)]
    [InlineData(4, 2, 1500)]
    [InlineData(16, 2, 300)]
    public void A_token_goes_round_by_interprocessor_interrupts(int cpus, int threads, int rounds)
    {
        using var guest = new Guest($"""
                    li      s10, {cpus}
                    li      s9, {rounds}
                    li      s8, 0
                    li      t0, 2
                    csrw    sie, t0
            {StartOthers}
            loop:   li      s7, 1
                    call    send
                    call    sleep
                    addi    s9, s9, -1
                    bnez    s9, loop
                    pass
            other:  mv      s8, a0
                    li      s10, {cpus}
                    li      t0, 2
                    csrw    sie, t0
                    addi    s7, s8, 1
                    remu    s7, s7, s10
            again:  call    sleep
                    call    send
                    j       again
            sleep:  wfi
                    csrr    t0, sip
                    andi    t0, t0, 2
                    beqz    t0, sleep
                    csrci   sip, 2
                    ret
            send:   li      a0, 1
                    mv      a1, s7
                    sbi     IPI, 0
                    bnez    a0, failed
                    ret
            failed: fail    1
            """);
        using var pool = new VcpuPool(threads, "token");
        Assert.Equal(MachineExitKind.PowerOff, Guest.Run(guest.Options with { Cpus = cpus, Pool = pool }).Kind);
        Assert.InRange(pool.ThreadCount, 1, threads);
    }

    /// <summary>Each hart sleeps until its own deadline, over and over, and checks that the clock has reached it.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void Timers_wake_their_hart(int cpus)
    {
        using var guest = new Guest($"""
                    li      s10, {cpus}
            {StartOthers}
                    li      s8, 0
                    j       run
            other:  mv      s8, a0
            run:    li      t0, 0x20
                    csrw    sie, t0
                    li      s9, 200
            loop:   rdtime  s7
                    andi    t1, s9, 7
                    li      t0, 1500
                    mul     t1, t1, t0
                    add     s7, s7, t1
                    csrw    0x14d, s7
            sleep:  wfi
                    csrr    t0, sip
                    andi    t0, t0, 0x20
                    beqz    t0, sleep
                    rdtime  t1
                    bltu    t1, s7, failed
                    li      t0, -1
                    csrw    0x14d, t0
                    csrr    t0, sip
                    andi    t0, t0, 0x20
                    bnez    t0, failed
                    addi    s9, s9, -1
                    bnez    s9, loop
                    la      t0, done
                    li      t1, 1
                    amoadd.d zero, t1, (t0)
                    bnez    s8, stop
            wait:   la      t0, done
                    ld      t1, 0(t0)
                    li      t2, {cpus}
                    bne     t1, t2, wait
                    pass
            stop:   sbi     HSM, 1
            failed: fail    1
                    .align  3
            done:   .dword  0
            """);
        Assert.Equal(MachineExitKind.PowerOff, guest.Run(cpus).Kind);
    }

    /// <summary>
    /// An interrupt-driven echo: the guest sleeps until the UART, through the PLIC, says there is input. Everything comes back, although
    /// the host's writes, the sleeps and the claims interleave as they like, and then no interrupt is left behind.
    /// </summary>
    [Fact]
    public async Task An_echo_through_uart_and_plic_loses_nothing()
    {
        using var guest = new Guest("""
                    li      s0, UART
                    li      s1, PLIC
                    li      t0, 1
                    sw      t0, 40(s1)              # priority of source 10
                    li      t1, PLIC + 0x2000
                    li      t0, 1 << 10
                    sw      t0, 0(t1)
                    li      s2, PLIC + 0x200000
                    sw      zero, 0(s2)
                    li      t0, 0x81
                    sb      t0, 2(s0)               # FIFOs on, trigger 8
                    li      t0, 3
                    sb      t0, 4(s0)               # DTR, RTS
                    li      t0, 1
                    sb      t0, 1(s0)               # received data
                    li      t0, 1 << 9
                    csrw    sie, t0
            sleep:  wfi
                    lwu     s3, 4(s2)
                    beqz    s3, sleep
            drain:  lbu     t0, 5(s0)
                    andi    t1, t0, 1
                    beqz    t1, done
                    lbu     t2, 0(s0)
                    li      t1, 4
                    beq     t2, t1, finish
            full:   lbu     t0, 5(s0)
                    andi    t0, t0, 0x20
                    beqz    t0, full
                    sb      t2, 0(s0)
                    j       drain
            done:   sw      s3, 4(s2)
                    j       sleep
            finish: pass
            """);
        const int total = 40_000;
        using var machine = Machine.Create(guest.Options with { Serial = [new SerialOptions { Capacity = 256 }] });
        var run = machine.RunAsync();
        var port = machine.Uart(0);
        var writer = Task.Run(async () =>
        {
            var random = new Random(4);
            for (var at = 0; at < total;)
            {
                var piece = new byte[Math.Min(total - at, random.Next(1, 200))];
                for (var i = 0; i < piece.Length; i++)
                    piece[i] = (byte)(32 + (at + i) % 90);
                await port.WriteAsync(piece);
                at += piece.Length;
                if (random.Next(20) == 0)
                    await Task.Delay(1);
            }
        });
        var buffer = new byte[512];
        for (var at = 0; at < total;)
        {
            var n = await port.ReadAsync(buffer).AsTask().WaitAsync(Guest.Patience);
            Assert.NotEqual(0, n);
            for (var i = 0; i < n; i++, at++)
                Assert.Equal(32 + at % 90, buffer[i]);
        }
        await writer;
        await port.WriteAsync(new byte[] { 4 });
        Assert.Equal(MachineExitKind.PowerOff, (await run.WaitAsync(Guest.Patience)).Kind);
    }

    /// <summary>A hart that never gives way and one that has work: with a single thread both get on.</summary>
    [Fact]
    public void A_greedy_hart_does_not_starve_the_others()
    {
        using var guest = new Guest($"""
                    li      s10, 3
            {StartOthers}
            spin:   la      t0, done
                    ld      t1, 0(t0)
                    li      t2, 2
                    bne     t1, t2, spin
                    pass
            other:  li      t3, 3000000
            1:      addi    t3, t3, -1
                    bnez    t3, 1b
                    la      t0, done
                    li      t1, 1
                    amoadd.d zero, t1, (t0)
            2:      sbi     0x10, 0
                    j       2b
            failed: fail    1
                    .align  3
            done:   .dword  0
            """);
        using var pool = new VcpuPool(1, "greedy");
        Assert.Equal(MachineExitKind.PowerOff, Guest.Run(guest.Options with { Cpus = 3, Pool = pool }).Kind);
    }

    /// <summary>Machines that sleep own no thread: many of them share a few, and each still hears its own input.</summary>
    [Fact]
    public async Task Many_idle_machines_share_a_few_threads()
    {
        using var guest = new Guest("""
                    li      s0, UART
                    li      t1, PLIC
                    li      t0, 1
                    sw      t0, 40(t1)
                    li      t1, PLIC + 0x2000
                    li      t0, 1 << 10
                    sw      t0, 0(t1)
                    li      t0, 1
                    sb      t0, 1(s0)
                    li      t0, 1 << 9
                    csrw    sie, t0
            sleep:  wfi
                    lbu     t0, 5(s0)
                    andi    t0, t0, 1
                    beqz    t0, sleep
                    pass
            """);
        const int count = 40;
        using var pool = new VcpuPool(2, "idle");
        var machines = new List<Machine>();
        var runs = new List<Task<MachineExit>>();
        try
        {
            for (var i = 0; i < count; i++)
            {
                var machine = Machine.Create(guest.Options with { Pool = pool, Cpus = 2, Serial = [new SerialOptions()] });
                machines.Add(machine);
                runs.Add(machine.RunAsync());
            }
            Assert.True(SpinWait.SpinUntil(() => machines.All(m => m.Statistics.Instructions > 10), Guest.Patience));
            Assert.InRange(pool.ThreadCount, 1, 2);
            Assert.DoesNotContain(runs, r => r.IsCompleted);
            foreach (var machine in machines)
                machine.Uart(0).Write("x"u8);
            var exits = await Task.WhenAll(runs).WaitAsync(Guest.Patience);
            Assert.All(exits, e => Assert.Equal(MachineExitKind.PowerOff, e.Kind));
        }
        finally
        {
            foreach (var machine in machines)
                machine.Dispose();
        }
    }

    /// <summary>A hart suspended without retention starts anew where it asked to, with what it asked for in a1.</summary>
    [Fact]
    public void A_suspended_hart_resumes_where_it_asked()
    {
        using var guest = new Guest("""
                    li      t0, 0x20
                    csrw    sie, t0
                    rdtime  t0
                    li      t1, 10000
                    add     t0, t0, t1
                    csrw    0x14d, t0
                    li      a0, 0
                    li      a1, 0
                    li      a2, 0
                    sbi     HSM, 3
                    bnez    a0, failed
                    csrr    t0, sip
                    andi    t0, t0, 0x20
                    beqz    t0, failed
                    rdtime  t0
                    li      t1, 10000
                    add     t0, t0, t1
                    csrw    0x14d, t0
                    li      a0, 0x80000000
                    la      a1, resume
                    li      a2, 1234
                    sbi     HSM, 3
            failed: fail    1
            resume: bnez    a0, failed
                    li      t0, 1234
                    bne     a1, t0, failed
                    csrr    t0, sie
                    bnez    t0, failed
                    csrr    t0, satp
                    bnez    t0, failed
                    csrr    t0, sip
                    andi    t0, t0, 0x20
                    beqz    t0, failed
                    pass
            """);
        Assert.Equal(MachineExitKind.PowerOff, guest.Run().Kind);
    }

    /// <summary>
    /// Every hart writes and reads random values at random offsets of every device, in every width, while the others do the same; then
    /// the first one powers off. The finisher alone is left out: it would end the run.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void Garbage_in_every_device_register_harms_nobody(int cpus)
    {
        using var guest = new Guest($"""
                    li      s10, {cpus}
            {StartOthers}
                    li      a0, 0
            other:  mv      s8, a0
                    la      t0, trap
                    csrw    stvec, t0
                    li      s0, 0x9e3779b97f4a7c15
                    addi    s1, s8, 1
                    mul     s1, s1, s0              # the generator's state
                    li      s2, 6364136223846793005
                    li      s9, 60000
            loop:   mul     s1, s1, s2
                    addi    s1, s1, 1442
                    srli    t0, s1, 60
                    andi    t0, t0, 7
                    slli    t0, t0, 3
                    la      t1, bases
                    add     t1, t1, t0
                    ld      s3, 0(t1)               # a device
                    srli    t0, s1, 20
                    srli    t1, s1, 58
                    andi    t1, t1, 3
                    li      t2, 0x7
                    beqz    t1, 1f
                    li      t2, 0xfff
                    addi    t1, t1, -1
                    beqz    t1, 1f
                    li      t2, 0x3fff
                    addi    t1, t1, -1
                    beqz    t1, 1f
                    li      t2, 0x3ffff8
            1:      and     t0, t0, t2
                    add     s3, s3, t0
                    mul     s1, s1, s2
                    addi    s1, s1, 1442
                    srli    t0, s1, 55
                    andi    t0, t0, 7
                    slli    t0, t0, 4
                    la      t1, table
                    add     t1, t1, t0
                    jr      t1
                    .align  4
            table:  sb      s1, 0(s3)
                    j       next
                    .align  4
                    sh      s1, 0(s3)
                    j       next
                    .align  4
                    sw      s1, 0(s3)
                    j       next
                    .align  4
                    sd      s1, 0(s3)
                    j       next
                    .align  4
                    lbu     t0, 0(s3)
                    j       next
                    .align  4
                    lhu     t0, 0(s3)
                    j       next
                    .align  4
                    lwu     t0, 0(s3)
                    j       next
                    .align  4
                    ld      t0, 0(s3)
            next:   addi    s9, s9, -1
                    bnez    s9, loop
                    la      t0, done
                    li      t1, 1
                    amoadd.d zero, t1, (t0)
                    bnez    s8, stop
            wait:   la      t0, done
                    ld      t1, 0(t0)
                    li      t2, {cpus}
                    bne     t1, t2, wait
                    pass
            stop:   sbi     HSM, 1
            failed: fail    1
                    .align  2
            trap:   la      t0, next
                    csrw    sepc, t0
                    sret
                    .align  3
            bases:  .dword  UART, RTC, PLIC, PLIC + 0x2000, PLIC + 0x200000, UART + 0x1000, 0x20000000, UART
            done:   .dword  0
            """);
        var exit = Guest.Run(guest.Options with { Cpus = cpus, Serial = [SerialOptions.Discard, SerialOptions.Discard] });
        Assert.Equal(MachineExitKind.PowerOff, exit.Kind);
    }

    /// <summary>
    /// A guest that prints to a port nobody reads is held up by its transmitter alone: it can be ended, and its other work goes on.
    /// </summary>
    [Fact]
    public async Task A_slow_reader_stalls_only_the_transmitter()
    {
        using var guest = new Guest("""
                    li      s0, UART
                    li      s2, UART + 0x1000
                    li      t0, 1
                    sb      t0, 2(s0)
                    li      s1, 100000
            loop:   lbu     t0, 5(s0)
                    andi    t0, t0, 0x20
                    beqz    t0, full
                    li      t0, 'x'
                    sb      t0, 0(s0)
                    addi    s1, s1, -1
                    bnez    s1, loop
                    fail    2
            full:   li      t0, 'F'
                    sb      t0, 0(s2)
            wait:   lbu     t0, 5(s0)
                    andi    t0, t0, 0x20
                    beqz    t0, wait
                    pass
            """);
        using var machine = Machine.Create(guest.Options with { Serial = [new SerialOptions { Capacity = 128 }, new SerialOptions()] });
        var run = machine.RunAsync();
        var one = new byte[1];
        Assert.Equal(1, await machine.Uart(1).ReadAsync(one).AsTask().WaitAsync(Guest.Patience));
        Assert.Equal((byte)'F', one[0]);
        Assert.False(run.IsCompleted);
        var text = new StringBuilder();
        var buffer = new byte[64];
        int n;
        while ((n = await machine.Uart(0).ReadAsync(buffer).AsTask().WaitAsync(Guest.Patience)) > 0)
            text.Append(Encoding.ASCII.GetString(buffer, 0, n));
        Assert.Equal(MachineExitKind.PowerOff, (await run).Kind);
        Assert.Equal(new string('x', 128 + 1), text.ToString()[..129]);
    }
}

public sealed class SchedulingTestsOnTdp() : SchedulingTests(MmuKind.Tdp);

public sealed class SchedulingTestsOnShadow() : SchedulingTests(MmuKind.Shadow);
