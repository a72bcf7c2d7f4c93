using System.Threading;
using Warren.Machines.Scheduling;

namespace Warren.Machines.Tests;

public sealed class TimerQueueTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private sealed class Probe : TimerEntry
    {
        public long Due;
        public int Armings;
        public int Expirations;
        public int Announcements;
        public bool Early;

        protected internal override void Armed() => Armings++;

        protected internal override void Expired()
        {
            Early |= HostClock.Nanoseconds < Due;
            Expirations++;
        }

        protected internal override void Announce() => Interlocked.Increment(ref Announcements);
    }

    [Fact]
    public void Every_deadline_comes_once_and_never_early()
    {
        using var queue = new TimerQueue("test");
        var random = new Random(11);
        var probes = new Probe[500];
        for (var i = 0; i < probes.Length; i++)
        {
            probes[i] = new Probe { Due = HostClock.Nanoseconds + random.NextInt64(0, 60_000_000) };
            queue.Arm(probes[i], probes[i].Due);
        }
        Assert.True(SpinWait.SpinUntil(() => probes.All(p => Volatile.Read(ref p.Announcements) == 1), Patience));
        Assert.All(probes, p => Assert.Equal(1, p.Expirations));
        Assert.All(probes, p => Assert.False(p.Early));
    }

    [Fact]
    public void A_deadline_that_has_passed_expires_on_the_callers_thread()
    {
        using var queue = new TimerQueue("test");
        var probe = new Probe();
        queue.Arm(probe, HostClock.Nanoseconds - 1);
        Assert.Equal(1, probe.Expirations);
        Assert.Equal(1, probe.Announcements);
        Assert.Equal(0, probe.Armings);
    }

    [Fact]
    public void Rearming_replaces_and_never_means_never()
    {
        using var queue = new TimerQueue("test");
        var far = HostClock.Nanoseconds + 3_600_000_000_000;
        var never = new Probe();
        var sooner = new Probe();
        var random = new Random(12);
        // Churn keeps the heap honest: entries move both ways and leave from its middle.
        Probe[] crowd = [.. Enumerable.Range(0, 200).Select(_ => new Probe())];
        for (var i = 0; i < 20_000; i++)
        {
            var probe = crowd[random.Next(crowd.Length)];
            switch (random.Next(4))
            {
                case 0:
                    queue.Disarm(probe);
                    break;
                case 1:
                    queue.Arm(probe, long.MaxValue);
                    break;
                default:
                    queue.Arm(probe, far + random.NextInt64(1 << 30));
                    break;
            }
        }
        queue.Arm(never, HostClock.Nanoseconds + 50_000_000);
        queue.Arm(never, long.MaxValue);
        sooner.Due = HostClock.Nanoseconds + 1_000_000;
        queue.Arm(sooner, far);
        queue.Arm(sooner, sooner.Due);
        Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref sooner.Announcements) == 1, Patience));
        var marker = new Probe();
        queue.Arm(marker, HostClock.Nanoseconds + 60_000_000);
        Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref marker.Announcements) == 1, Patience));
        Assert.Equal(0, never.Expirations);
        Assert.All(crowd, p => Assert.Equal(0, p.Expirations));
        Assert.False(sooner.Early);
    }
}
