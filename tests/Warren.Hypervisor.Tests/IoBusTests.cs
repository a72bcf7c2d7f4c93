using FsCheck;
using FsCheck.Fluent;
using Warren.HostMemory;
using Warren.Locking;

namespace Warren.Hypervisor.Tests;

public sealed class IoBusTests
{
    private sealed class Device(string name) : IMmioDevice
    {
        public (ulong Offset, int Size, ulong Value) Last { get; private set; }
        public bool Throws { get; set; }
        public string Name => name;

        public ulong Read(ulong offset, int size)
        {
            if (Throws) throw new InvalidOperationException("bug");
            Last = (offset, size, 0);
            return offset ^ (ulong)size << 32;
        }

        public void Write(ulong offset, int size, ulong value)
        {
            if (Throws) throw new InvalidOperationException("bug");
            Last = (offset, size, value);
        }
    }

    private readonly Srcu _srcu = new(HypervisorLocks.Srcu);
    private readonly List<string> _failed = [];
    private readonly IoBus _bus;

    public IoBusTests() => _bus = new IoBus(_srcu, (device, e) => _failed.Add($"{device.Name}: {e.Message}"));

    [Fact]
    public void An_access_reaches_the_device_that_has_all_its_bytes()
    {
        var uart = new Device("uart");
        var plic = new Device("plic");
        _bus.Register(plic, new Gpa(0xc000000), 0x400000);
        _bus.Register(uart, new Gpa(0x10000000), 0x100);
        Assert.True(_bus.Read(new Gpa(0x10000005), 1, out var value));
        Assert.Equal(5UL ^ 1UL << 32, value);
        Assert.True(_bus.Write(new Gpa(0xc3ffffc), 4, 77));
        Assert.Equal((0x3ffffcUL, 4, 77UL), plic.Last);
        Assert.False(_bus.Write(new Gpa(0xc3ffffd), 4, 77));
        Assert.False(_bus.Read(new Gpa(0x100000ff), 2, out _));
        Assert.False(_bus.Read(new Gpa(0xbffffff), 2, out _));
        Assert.False(_bus.Read(new Gpa(ulong.MaxValue), 8, out _));
        _bus.Unregister(plic);
        Assert.False(_bus.Write(new Gpa(0xc000000), 4, 1));
        Assert.True(_bus.Write(new Gpa(0x10000000), 8, 1));
    }

    [Fact]
    public void Overlapping_empty_and_wrapping_ranges_are_refused_and_change_nothing()
    {
        _bus.Register(new Device("a"), new Gpa(0x1000), 0x1000);
        foreach (var (gpa, length) in new[]
            { (0x1000UL, 0x1000UL), (0xfffUL, 2UL), (0x1fffUL, 1UL), (0UL, 0x10000UL), (0x1800UL, 8UL), (0x5000UL, 0UL),
                (ulong.MaxValue, 2UL) })
        {
            Assert.Throws<ArgumentException>(() => _bus.Register(new Device("b"), new Gpa(gpa), length));
        }
        _bus.Register(new Device("before"), new Gpa(0), 0x1000);
        _bus.Register(new Device("after"), new Gpa(0x2000), 1);
        Assert.True(_bus.Read(new Gpa(0x1800), 8, out _));
    }

    [Fact]
    public void Random_maps_agree_with_a_scan()
    {
        Prop.ForAll(Arb.From(Gen.Choose(0, 300).Two().ArrayOf()), ranges =>
        {
            var bus = new IoBus(_srcu);
            var model = new List<(ulong Start, ulong End, Device Device)>();
            foreach (var (at, size) in ranges)
            {
                var (start, end) = ((ulong)at, (ulong)at + 1 + (ulong)size % 20);
                if (model.Exists(m => m.Start < end && start < m.End)) continue;
                var device = new Device("d");
                bus.Register(device, new Gpa(start), end - start);
                model.Add((start, end, device));
            }
            for (ulong gpa = 0; gpa < 330; gpa++)
            {
                foreach (var size in new[] { 1, 2, 4, 8 })
                {
                    var hit = model.Find(m => gpa >= m.Start && gpa + (ulong)size <= m.End);
                    Assert.Equal(hit.Device is not null, bus.Write(new Gpa(gpa), size, gpa));
                    if (hit.Device is not null) Assert.Equal((gpa - hit.Start, size, gpa), hit.Device.Last);
                }
            }
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void A_device_that_throws_is_reported_and_the_guest_goes_on()
    {
        _bus.Register(new Device("broken") { Throws = true }, new Gpa(0), 16);
        Assert.True(_bus.Read(new Gpa(0), 4, out var value));
        Assert.Equal(0UL, value);
        Assert.True(_bus.Write(new Gpa(0), 4, 1));
        Assert.Equal(["broken: bug", "broken: bug"], _failed);
        _srcu.Synchronize();
    }

    [Fact]
    public void A_vm_keeps_what_its_device_threw()
    {
        using var pool = new FramePool(1L << 20);
        using var memory = new AddressSpace(pool);
        using var vm = new VirtualMachine(memory);
        vm.Bus.Register(new Device("broken") { Throws = true }, new Gpa(0), 16);
        Assert.True(vm.Bus.Read(new Gpa(0), 4, out _));
        Assert.Contains("broken", vm.ErrorReason, StringComparison.Ordinal);
        Assert.Equal("bug", Assert.IsType<InvalidOperationException>(vm.ErrorCause).Message);
        vm.ReportError("another", new IOException("later"));
        Assert.Equal("bug", vm.ErrorCause.Message);
    }

    [Fact]
    public void Access_allocates_nothing()
    {
        for (ulong i = 0; i < 20; i++) _bus.Register(new Device("d"), new Gpa(i * 0x1000), 0x100);
        for (var pass = 0; pass < 2; pass++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (ulong i = 0; i < 1000; i++)
            {
                _bus.Read(new Gpa(i * 20), 4, out _);
                _bus.Write(new Gpa(i * 20), 4, i);
            }
            if (pass == 1) Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        }
    }
}
