using System.Text;
using System.Threading;
using Warren.Machines.Devices;
using Warren.Machines.Scheduling;

namespace Warren.Machines.Tests;

public sealed class SmallDeviceTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static ulong Time(GoldfishRtc rtc)
    {
        var low = rtc.Read(0, 4);
        return low | rtc.Read(4, 4) << 32;
    }

    private static void SetAlarm(GoldfishRtc rtc, ulong at)
    {
        rtc.Write(0x0c, 4, at >> 32);
        rtc.Write(0x08, 4, at & 0xffff_ffff);
    }

    [Fact]
    public void The_clock_tells_the_hosts_time_and_can_be_set()
    {
        using var timers = new TimerQueue("test");
        using var rtc = new GoldfishRtc(timers, new Wire());
        var now = (ulong)(DateTime.UtcNow - DateTime.UnixEpoch).Ticks * 100;
        Assert.InRange(Time(rtc), now - 1_000_000_000, now + 20_000_000_000);
        const ulong then = 123_456_789_012_345_678;
        rtc.Write(4, 4, then >> 32);
        rtc.Write(0, 4, then & 0xffff_ffff);
        Assert.InRange(Time(rtc), then, then + 20_000_000_000);
    }

    [Fact]
    public void The_alarm_rings_when_its_time_has_come()
    {
        using var timers = new TimerQueue("test");
        var wire = new Wire();
        using var rtc = new GoldfishRtc(timers, wire);
        rtc.Write(0x10, 4, 1);
        SetAlarm(rtc, Time(rtc) + 5_000_000);
        Assert.True(SpinWait.SpinUntil(() => wire.Level, Patience));
        Assert.Equal(0u, rtc.Read(0x18, 4));
        rtc.Write(0x1c, 4, 1);
        Assert.False(wire.Level);
        // An alarm in the past rings at once; one that is cleared never does.
        SetAlarm(rtc, 1);
        Assert.True(wire.Level);
        rtc.Write(0x1c, 4, 1);
        SetAlarm(rtc, Time(rtc) + 3_600_000_000_000);
        Assert.Equal(1u, rtc.Read(0x18, 4));
        rtc.Write(0x14, 4, 1);
        Assert.Equal(0u, rtc.Read(0x18, 4));
        // Disabled, it only becomes pending.
        rtc.Write(0x10, 4, 0);
        SetAlarm(rtc, 1);
        Assert.False(wire.Level);
        rtc.Write(0x10, 4, 1);
        Assert.True(wire.Level);
    }

    [Fact]
    public void The_finisher_takes_three_words()
    {
        var requests = new List<(FinisherRequest, int)>();
        var finisher = new TestFinisher((r, c) => requests.Add((r, c)));
        finisher.Write(0, 4, 0x5555);
        finisher.Write(0, 4, 0x002a_3333);
        finisher.Write(0, 4, 0x7777);
        finisher.Write(0, 2, 0x3333);
        finisher.Write(0, 1, 0x5555);
        finisher.Write(4, 4, 0x5555);
        finisher.Write(0, 4, 0x1234);
        Assert.Equal([(FinisherRequest.Pass, 0), (FinisherRequest.Fail, 42), (FinisherRequest.Reset, 0), (FinisherRequest.Fail, 0)],
            requests);
        Assert.Equal(0u, finisher.Read(0, 4));
    }

    [Fact]
    public void Random_accesses_do_not_throw()
    {
        using var timers = new TimerQueue("test");
        using var rtc = new GoldfishRtc(timers, new Wire());
        var finisher = new TestFinisher((_, _) => { });
        var random = new Random(5);
        for (var i = 0; i < 100_000; i++)
        {
            var offset = random.Next(4) == 0 ? (ulong)random.NextInt64() : (ulong)random.Next(0x24);
            var size = 1 << random.Next(4);
            var value = random.Next(2) == 0 ? (ulong)random.NextInt64() : ulong.MaxValue;
            rtc.Write(offset, size, value);
            rtc.Read(offset, size);
            finisher.Write(offset, size, value);
            finisher.Read(offset, size);
        }
    }

    [Theory]
    [InlineData("[    0.512345] Kernel panic - not syncing: VFS: Unable to mount root fs\n",
        "Kernel panic - not syncing: VFS: Unable to mount root fs")]
    [InlineData("[    0.512345][    T1] Kernel panic - not syncing: x\r\n", "Kernel panic - not syncing: x")]
    [InlineData("boot\nKernel panic - not syncing: Attempted to kill init!\n", "Kernel panic - not syncing: Attempted to kill init!")]
    [InlineData("someone wrote: Kernel panic - not syncing: x\n", null)]
    [InlineData("[note] Kernel panic - not syncing: x\n", null)]
    [InlineData("Kernel panic - not syncing", null)]
    public void Only_a_line_of_its_own_is_a_panic(string output, string? panic)
    {
        var watcher = new LineWatcher();
        foreach (var b in Encoding.UTF8.GetBytes(output))
            watcher.Feed(b);
        Assert.Equal(panic, watcher.Panic);
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("one\n", "one")]
    [InlineData("one\r\n\n \n", "")]
    [InlineData("one\ntwo", "two")]
    [InlineData("one\ntwo\r\n\r\n", "two")]
    public void The_last_line_is_kept(string output, string last)
    {
        var watcher = new LineWatcher();
        foreach (var b in Encoding.UTF8.GetBytes(output))
            watcher.Feed(b);
        Assert.Equal(last, watcher.LastLine);
    }

    [Fact]
    public void A_panic_of_long_ago_explains_nothing()
    {
        var watcher = new LineWatcher();
        foreach (var b in "[ 1.0] Kernel panic - not syncing: x\n"u8)
            watcher.Feed(b);
        foreach (var b in Enumerable.Repeat("x\r\n", 1000).SelectMany(Encoding.ASCII.GetBytes))
            watcher.Feed(b);
        Assert.NotNull(watcher.Panic);
        foreach (var b in "x\n"u8)
            watcher.Feed(b);
        Assert.Null(watcher.Panic);
    }

    /// <summary>Words before a panic do not count against it.</summary>
    [Fact]
    public void A_late_panic_is_remembered_as_long()
    {
        var watcher = new LineWatcher();
        var lines = string.Concat(Enumerable.Repeat("x\n", 600));
        foreach (var b in Encoding.ASCII.GetBytes($"{lines}Kernel panic - not syncing: x\n{lines}"))
            watcher.Feed(b);
        Assert.Equal("Kernel panic - not syncing: x", watcher.Panic);
    }

    [Fact]
    public void The_watcher_survives_anything()
    {
        var watcher = new LineWatcher();
        var random = new Random(9);
        for (var i = 0; i < 200_000; i++)
            watcher.Feed((byte)random.Next(256));
        for (var i = 0; i < 5000; i++)
            watcher.Feed((byte)'[');
        watcher.Feed((byte)'\n');
        Assert.Null(watcher.Panic);
    }
}
