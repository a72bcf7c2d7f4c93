using System.Threading;

namespace Warren.HostMemory.Tests;

public sealed class NotifierTests
{
    private const ulong Page = 4096;

    private static (RecordingNotifier Notifier, TestRegion Region) Watch(AddressSpace space, Hva hva, ulong length)
    {
        var notifier = new RecordingNotifier();
        space.Notifiers.Register(notifier);
        return (notifier, notifier.Add(space, hva, length));
    }

    [Fact]
    public void Only_notifiers_with_a_region_in_the_range_are_called()
    {
        using var memory = new TestMemory();
        var hva = memory.Space.Map(64 * Page, VmaProtection.Write, hugePages: false);
        var (near, _) = Watch(memory.Space, hva, 8 * Page);
        var (far, _) = Watch(memory.Space, hva + (32 * Page), 8 * Page);
        memory.Space.Discard(hva + (4 * Page), Page);
        memory.Space.Discard(hva + (20 * Page), Page);
        Assert.Equal(2, near.Log.Count);
        Assert.Empty(far.Log);
        Assert.Equal(2, memory.Space.Notifiers.Seen);
        Assert.Equal(1, memory.Space.Notifiers.Related);
        // Neighbouring pages do not touch.
        memory.Space.Discard(hva + (8 * Page), 24 * Page);
        Assert.Equal(2, near.Log.Count);
        Assert.Empty(far.Log);
        memory.Space.Discard(hva + (7 * Page), 26 * Page);
        Assert.Equal(4, near.Log.Count);
        Assert.Equal(2, far.Log.Count);
    }

    [Fact]
    public void Several_regions_of_one_owner_come_in_one_call_in_order()
    {
        using var memory = new TestMemory();
        var hva = memory.Space.Map(64 * Page, VmaProtection.Write, hugePages: false);
        var (a, _) = Watch(memory.Space, hva + (8 * Page), 4 * Page);
        var (b, _) = Watch(memory.Space, hva, 32 * Page);
        a.Add(memory.Space, hva, 4 * Page);
        b.Add(memory.Space, hva + (8 * Page), Page);
        a.Add(memory.Space, hva, 4 * Page);
        memory.Space.Unmap(hva, 64 * Page);
        Assert.Equal($"start Unmap {hva:x}-{hva + (64 * Page):x} x3", a.Log[0]);
        Assert.Equal($"start Unmap {hva:x}-{hva + (64 * Page):x} x2", b.Log[0]);
        Assert.Null(a.Violation);
        Assert.Null(b.Violation);
        Assert.Equal(0, a.Open + b.Open);
    }

    [Fact]
    public void Pages_are_still_mapped_at_the_start_and_gone_at_the_end()
    {
        using var memory = new TestMemory();
        var hva = memory.Space.Map(4 * Page, VmaProtection.Write, hugePages: false);
        memory.WriteByte(hva, 5);
        var (notifier, _) = Watch(memory.Space, hva, 4 * Page);
        long atStart = -1, atEnd = -1;
        notifier.OnStart = _ =>
        {
            atStart = memory.Pool.FramesInUse;
            return true;
        };
        notifier.OnEnd = _ => atEnd = memory.Pool.FramesInUse;
        memory.Space.Discard(hva, Page);
        Assert.Equal(1, atStart);
        Assert.Equal(0, atEnd);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void A_refusal_gives_the_others_their_end_and_changes_nothing(int refusing)
    {
        using var memory = new TestMemory();
        var hva = memory.Space.Map(4 * Page, VmaProtection.Write, hugePages: false);
        memory.WriteByte(hva, 5);
        var all = Enumerable.Range(0, 3).Select(_ => Watch(memory.Space, hva, 4 * Page).Notifier).ToArray();
        all[refusing].OnStart = range => range.Blockable;
        Assert.False(memory.Space.ReapNonBlocking(hva, 4 * Page));
        Assert.Equal(5, memory.ReadByte(hva));
        for (var i = 0; i < 3; i++)
        {
            // All are called, also those after the one that refuses.
            Assert.Equal(i == refusing ? 0 : 1, all[i].Starts);
            Assert.Equal(all[i].Starts, all[i].Ends);
            Assert.Null(all[i].Violation);
        }

        Assert.Equal(0, memory.Space.Notifiers.Active);
        Assert.Equal(1, memory.Space.Notifiers.Refused);
        memory.Space.Discard(hva, Page);
        Assert.All(all, n => Assert.Equal(0, n.Open));
        all[refusing].OnStart = null;
        Assert.True(memory.Space.ReapNonBlocking(hva, 4 * Page));
    }

    [Fact]
    public void The_reaper_gives_up_when_the_mmap_lock_is_taken()
    {
        using var memory = new TestMemory();
        var hva = memory.Space.Map(Page, VmaProtection.Write);
        memory.WriteByte(hva, 1);
        memory.Space.MmapLock.DownWrite();
        Assert.False(memory.Space.ReapNonBlocking(hva, Page));
        memory.Space.MmapLock.UpWrite();
        Assert.True(memory.Space.ReapNonBlocking(hva, Page));
        Assert.Equal(0, memory.ReadByte(hva));
    }

    [Fact]
    public void Notifications_nest_and_overlap_within_a_thread()
    {
        using var memory = new TestMemory();
        var hva = memory.Space.Map(16 * Page, VmaProtection.Write);
        var (a, _) = Watch(memory.Space, hva, 8 * Page);
        var (b, _) = Watch(memory.Space, hva + (4 * Page), 8 * Page);
        var notifiers = memory.Space.Notifiers;
        Assert.True(notifiers.TryStart(new MmuNotifierRange(hva, hva + (16 * Page), MmuNotifierEvent.Unmap), out var outer));
        Assert.True(notifiers.TryStart(new MmuNotifierRange(hva, hva + Page, MmuNotifierEvent.Clear), out var inner));
        Assert.True(
            notifiers.TryStart(new MmuNotifierRange(hva + (100 * Page), hva + (101 * Page), MmuNotifierEvent.Clear), out var nobody));
        Assert.Equal(3, notifiers.Active);
        notifiers.End(nobody);
        notifiers.End(inner);
        Assert.Equal(1, a.Open);
        notifiers.End(outer);
        Assert.Equal(0, a.Open + b.Open);
        Assert.Null(a.Violation ?? b.Violation);
    }

    [Fact]
    public void An_update_waits_for_invalidations_in_flight_and_none_slips_in()
    {
        using var memory = new TestMemory();
        var hva = memory.Space.Map(16 * Page, VmaProtection.Write);
        var (notifier, region) = Watch(memory.Space, hva, 8 * Page);
        var notifiers = memory.Space.Notifiers;
        Assert.True(notifiers.TryStart(new MmuNotifierRange(hva, hva + Page, MmuNotifierEvent.Clear), out var open));
        var done = 0;
        var updater = new Thread(() =>
        {
            notifiers.Update(region, null, Nothing.Instance);
            Volatile.Write(ref done, 1);
        });
        updater.Start();
        // Others come and go meanwhile: they are not held up by the waiting updater.
        for (var i = 0; i < 100; i++)
        {
            memory.Space.Discard(hva, Page);
            Thread.Yield();
        }

        Assert.Equal(0, Volatile.Read(ref done));
        notifiers.End(open);
        Assert.True(updater.Join(TimeSpan.FromSeconds(60)));
        Assert.Equal(0, notifiers.RegionCount);
        Assert.Equal(0, notifier.Open);
    }

    [Fact]
    public void Unregistering_between_start_and_end_waits_for_nothing_and_swallows_the_end()
    {
        using var memory = new TestMemory();
        var hva = memory.Space.Map(16 * Page, VmaProtection.Write);
        var (gone, _) = Watch(memory.Space, hva, 8 * Page);
        var (stays, _) = Watch(memory.Space, hva, 8 * Page);
        var notifiers = memory.Space.Notifiers;
        Assert.True(notifiers.TryStart(new MmuNotifierRange(hva, hva + Page, MmuNotifierEvent.Clear), out var open));
        notifiers.Unregister(gone);
        notifiers.Unregister(gone);
        Assert.Equal(1, gone.Releases);
        Assert.Equal(1, notifiers.RegionCount);
        notifiers.End(open);
        Assert.Equal(0, gone.Ends);
        Assert.Equal(1, stays.Ends);
        Assert.Equal(0, notifiers.Active);
        memory.Space.Discard(hva, Page);
        Assert.Equal(1, gone.Starts);
        Assert.Throws<InvalidOperationException>(() => notifiers.Register(gone));
        Assert.Throws<InvalidOperationException>(() => gone.Add(memory.Space, hva, Page));
    }

    [Fact]
    public void Release_happens_exactly_once_whoever_comes_first()
    {
        for (var i = 0; i < 50; i++)
        {
            var memory = new TestMemory();
            var (a, _) = Watch(memory.Space, new Hva(0x10000), Page);
            var (b, _) = Watch(memory.Space, new Hva(0x10000), Page);
            Parallelism.Run(3, t =>
            {
                if (t == 0)
                    memory.Space.Dispose();
                else
                    memory.Space.Notifiers.Unregister(t == 1 ? a : b);
            });
            Assert.Equal(1, a.Releases);
            Assert.Equal(1, b.Releases);
            Assert.Equal(0, memory.Space.Notifiers.RegionCount);
            memory.Dispose();
        }
    }

    [Fact]
    public void Refused_updates_change_nothing()
    {
        using var memory = new TestMemory();
        var (notifier, region) = Watch(memory.Space, new Hva(0x10000), Page);
        var stranger = new RecordingNotifier();
        Assert.Throws<InvalidOperationException>(() =>
            memory.Space.Notifiers.Update(region, new TestRegion(stranger, new Hva(0x10000), new Hva(0x11000)), Nothing.Instance));
        Assert.Throws<InvalidOperationException>(() =>
            memory.Space.Notifiers.Update(new TestRegion(notifier, new Hva(0x10000), new Hva(0x11000)), null, Nothing.Instance));
        using var elsewhere = new AddressSpace(memory.Pool);
        Assert.Throws<InvalidOperationException>(() => notifier.Add(elsewhere, new Hva(0x10000), Page));
        Assert.Equal(1, memory.Space.Notifiers.RegionCount);
        memory.Space.Notifiers.Update(region, null, Nothing.Instance);
        Assert.Equal(0, memory.Space.Notifiers.RegionCount);
    }

    [Fact]
    public void Aging_asks_notifiers_and_does_not_count_as_an_invalidation_of_anyone()
    {
        using var memory = new TestMemory();
        var hva = memory.Space.Map(8 * Page, VmaProtection.Write, hugePages: false);
        for (ulong i = 0; i < 4; i++)
            memory.WriteByte(hva + (i * Page), 1);
        Assert.Equal(4, memory.Space.Age(hva, 8 * Page, clear: false));
        Assert.Equal(4, memory.Space.Age(hva, 8 * Page, clear: true));
        Assert.Equal(0, memory.Space.Age(hva, 8 * Page, clear: false));
        memory.ReadByte(hva + Page);
        Assert.Equal(1, memory.Space.Age(hva, 8 * Page, clear: true));
        var (notifier, _) = Watch(memory.Space, hva, 2 * Page);
        notifier.IsYoung = true;
        Assert.Equal(2, memory.Space.Age(hva, 8 * Page, clear: false));
        Assert.Equal(1, memory.Space.Age(hva, 8 * Page, clear: true));
        Assert.Equal(0, memory.Space.Age(hva, 8 * Page, clear: true));
        notifier.IsYoung = true;
        Assert.True(memory.Space.ClearFlushYoung(hva));
        Assert.False(memory.Space.ClearFlushYoung(hva));
        Assert.Equal(0, notifier.Starts);
    }

    /// <summary>
    /// Threads discard, protect, map files over and reap, while others move, add and remove regions and whole notifiers. Each VM keeps a
    /// "memslots pointer" that updates store: it must not change between a start and its end, and starts and ends must balance.
    /// </summary>
    [Fact]
    public void Starts_and_ends_pair_while_regions_and_notifiers_churn()
    {
        using var memory = new TestMemory();
        const int pages = 64;
        var hva = memory.Space.Map(pages * Page, VmaProtection.Write, hugePages: false);
        var stop = 0;
        var vms = Enumerable.Range(0, 4).Select(_ => new ChurningVm(memory.Space)).ToArray();
        Parallelism.Run(6, t =>
        {
            var random = new Random(t + 100);
            if (t < 3)
            {
                for (var i = 0; i < 6000; i++)
                {
                    var at = hva + ((ulong)random.Next(pages) * Page);
                    var length = (ulong)(1 + random.Next((int)((hva + (pages * Page) - at) / Page))) * Page;
                    switch (random.Next(8))
                    {
                        case 0:
                            memory.Space.Protect(at, length, VmaProtection.Write);
                            break;
                        case 1:
                            memory.Space.ReapNonBlocking(at, length);
                            break;
                        case 2:
                            memory.Space.Age(at, length, clear: true);
                            break;
                        case < 5:
                            memory.WriteByte(at, (byte)i);
                            break;
                        default:
                            memory.Space.Discard(at, length);
                            break;
                    }

                    if (i % 4 == 0)
                        Thread.Yield();
                }

                Volatile.Write(ref stop, 1);
                return;
            }

            var vm = vms[t - 3];
            var regions = new List<TestRegion>();
            while (Volatile.Read(ref stop) == 0)
            {
                var start = hva + ((ulong)random.Next(pages) * Page);
                var region = new TestRegion(vm, start, start + ((ulong)(1 + random.Next(8)) * Page));
                if (regions.Count > 6 || (regions.Count > 0 && random.Next(3) == 0))
                {
                    var index = random.Next(regions.Count);
                    var old = regions[index];
                    regions.RemoveAt(index);
                    if (random.Next(2) == 0)
                    {
                        region = new TestRegion(vm, old.HvaStart, old.HvaEnd);
                        memory.Space.Notifiers.Update(old, region, vm);
                        regions.Add(region);
                    }
                    else
                    {
                        memory.Space.Notifiers.Update(old, null, vm);
                    }
                }
                else
                {
                    memory.Space.Notifiers.Update(null, region, vm);
                    regions.Add(region);
                }

                // Leave room: an unbroken stream on either side is a different test.
                Thread.Yield();
                if (random.Next(50) == 0)
                {
                    memory.Space.Notifiers.Unregister(vm);
                    vm.AssertBalancedButForTheUnregistered();
                    regions.Clear();
                    vm = vms[t - 3] = new ChurningVm(memory.Space);
                }
            }
        });
        foreach (var vm in vms)
        {
            Assert.Equal(0, vm.Open);
            Assert.Null(vm.Violation);
        }

        Assert.Equal(0, memory.Space.Notifiers.Active);
    }

    private sealed class ChurningVm : MmuNotifier, ISlotsPublisher
    {
        private readonly Lock _lock = new();
        private readonly List<(Hva Start, Hva End, long Slots, int Regions)> _open = [];
        private readonly Random _random = new(7);
        private long _slots;
        private int _releases;

        internal ChurningVm(AddressSpace space) => space.Notifiers.Register(this);

        internal string? Violation { get; private set; }

        internal int Open
        {
            get
            {
                lock (_lock)
                    return _open.Count;
            }
        }

        public void Publish() => _slots++;

        public override bool InvalidateRangeStart(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions)
        {
            lock (_lock)
            {
                if (!range.Blockable && _random.Next(2) == 0)
                    return false;
                if (_releases > 0)
                    Violation ??= "a start after release";
                _open.Add((range.Start, range.End, Volatile.Read(ref _slots), regions.Length));
            }

            // Long enough, now and then, for an update that does not wait to get in between.
            for (var i = (range.Start.Value >> 12) % 4 == 0 ? 20 : 0; i > 0; i--)
                Thread.Yield();
            return true;
        }

        public override void InvalidateRangeEnd(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions)
        {
            lock (_lock)
            {
                // An equal start must be there, and the slots it acted on must still be the slots.
                if (!_open.Remove((range.Start, range.End, Volatile.Read(ref _slots), regions.Length)))
                    Violation ??= "an end without a start on the same slots";
            }
        }

        public override bool ClearFlushYoung(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions) => false;

        public override bool ClearYoung(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions) => false;

        public override bool TestYoung(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions) => false;

        public override void Release()
        {
            // Only notifications that were in flight already may still arrive; they are not counted.
        }

        internal void AssertBalancedButForTheUnregistered()
        {
            lock (_lock)
            {
                _releases++;
                Assert.Null(Violation);
            }
        }
    }
}
