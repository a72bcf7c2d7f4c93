using System.Threading;
using Warren.HostMemory;
using Warren.Hypervisor.Invalidation;

namespace Warren.Hypervisor.Tests;

/// <summary>Updates and notifications that meet with <see cref="GateKind.Join"/>: neither waits, and the counts balance.</summary>
public sealed class JoinGateTests : IDisposable
{
    private const ulong Page = SlotsVm.Page;
    private readonly SlotsVm _t = new(new VmOptions { Gate = GateKind.Join });
    private readonly Hva _hva;

    public JoinGateTests() => _hva = _t.Memory.Map(64 * Page, VmaProtection.Read | VmaProtection.Write);

    /// <summary>After every test: whoever has entered has left.</summary>
    public void Dispose()
    {
        Assert.Equal(0, ((JoinGate)Vm.Gate).EnteredCount);
        _t.Dispose();
    }

    private VirtualMachine Vm => _t.Vm;

    private bool Retries(ulong gfn)
    {
        Vm.MmuLock.ReadLock();
        var retry = Vm.Invalidation.RetryGfn(Vm.Invalidation.Sequence, new Gfn(gfn));
        Vm.MmuLock.ReadUnlock();
        return retry;
    }

    [Fact]
    public void A_slot_that_appears_within_a_notification_is_entered_by_it()
    {
        var sequence = Vm.Invalidation.Sequence;
        using (new HeldInvalidation(_t.Memory, _hva + Page, 2 * Page))
        {
            _t.Set(1, 0x100, 16, _hva);
            Assert.Equal(1, Vm.Invalidation.InProgress);
            Assert.Equal((new Gfn(0x101), new Gfn(0x103)), Vm.Invalidation.Range);
            // Whoever looked before the update starts again.
            Assert.NotEqual(sequence, Vm.Invalidation.Sequence);
            Assert.True(Retries(0x101));
            Assert.False(Retries(0x103));
            _t.Set(2, 0x200, 1, _hva + 4 * Page);
            Assert.Equal(1, Vm.Invalidation.InProgress);
        }
        Assert.Equal(0, Vm.Invalidation.InProgress);
        Assert.False(Retries(0x101));
        Assert.Equal(1, Vm.Statistics.InvalidationsRelated);
    }

    [Fact]
    public void Aliased_slots_are_one_entry_and_both_ranges()
    {
        _t.Set(1, 0x100, 16, _hva);
        using (new HeldInvalidation(_t.Memory, _hva, Page))
        {
            Assert.Equal((new Gfn(0x100), new Gfn(0x101)), Vm.Invalidation.Range);
            _t.Set(2, 0x400, 16, _hva);
            Assert.Equal(1, Vm.Invalidation.InProgress);
            Assert.True(Retries(0x400));
        }
        Assert.Equal(0, Vm.Invalidation.InProgress);
    }

    [Fact]
    public void A_slot_moved_twice_within_a_notification_is_entered_once_and_covered_everywhere()
    {
        _t.Set(1, 0x100, 16, _hva);
        using (new HeldInvalidation(_t.Memory, _hva, Page))
        {
            _t.Set(1, 0x200, 16, _hva);
            _t.Set(1, 0x080, 16, _hva);
            Assert.Equal(1, Vm.Invalidation.InProgress);
            Assert.True(Retries(0x080));
            Vm.SetUserMemoryRegion(SlotsVm.Region(1, 0, 0, default));
            Assert.Equal(1, Vm.Invalidation.InProgress);
            _t.Set(1, 0x100, 16, _hva);
        }
        Assert.Equal(0, Vm.Invalidation.InProgress);
    }

    [Fact]
    public void Nested_and_overlapping_notifications_are_joined_each()
    {
        var notifiers = _t.Memory.Notifiers;
        Assert.True(notifiers.TryStart(new MmuNotifierRange(_hva, _hva + 4 * Page, MmuNotifierEvent.Unmap), out var a));
        Assert.True(notifiers.TryStart(new MmuNotifierRange(_hva + 2 * Page, _hva + 8 * Page, MmuNotifierEvent.Clear), out var b));
        // On another thread, as every update meets every notification: with a gate that waits, one inside the other on one thread would
        // hang.
        var update = new Thread(() => _t.Set(1, 0x100, 16, _hva));
        update.Start();
        update.Join();
        Assert.Equal(2, Vm.Invalidation.InProgress);
        Assert.True(notifiers.TryStart(new MmuNotifierRange(_hva, _hva + Page, MmuNotifierEvent.Clear), out var c));
        Assert.Equal(3, Vm.Invalidation.InProgress);
        // Not in the order they began.
        notifiers.End(a);
        notifiers.End(c);
        Assert.Equal(1, Vm.Invalidation.InProgress);
        notifiers.End(b);
        Assert.Equal(0, Vm.Invalidation.InProgress);
        Assert.Equal(0, notifiers.Active);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_refusal_leaves_whoever_was_entered_also_by_an_update(bool deviceFirst)
    {
        var device = new RefusingDevice(() => _t.Set(1, 0x100, 16, _hva));
        if (deviceFirst)
            device.Register(_t.Memory, _hva);
        _t.Set(2, 0x800, 4, _hva);
        if (!deviceFirst) device.Register(_t.Memory, _hva);
        var range = new MmuNotifierRange(_hva, _hva + Page, MmuNotifierEvent.Unmap, blockable: false);
        Assert.False(_t.Memory.Notifiers.TryStart(range, out _));
        Assert.Equal(0, Vm.Invalidation.InProgress);
        Assert.Equal(0, _t.Memory.Notifiers.Active);
        Assert.NotNull(Vm.GetMemslots(0).Find(new Gfn(0x100)));
        Assert.Equal(0, device.Ends);
        _t.Memory.Notifiers.Unregister(device);
    }

    /// <summary>A device that refuses, after another thread has updated the VM's slots in the middle of the start.</summary>
    private sealed class RefusingDevice(Action meanwhile) : MmuNotifier, ISlotsPublisher
    {
        public int Ends { get; private set; }

        public void Register(AddressSpace memory, Hva hva)
        {
            memory.Notifiers.Register(this);
            memory.Notifiers.Update(null, new Window(this, hva, hva + Page), this);
        }

        public void Publish()
        {
        }

        public override bool InvalidateRangeStart(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions)
        {
            new Worker(meanwhile).Join();
            return false;
        }

        public override void InvalidateRangeEnd(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions) => Ends++;

        public override bool ClearFlushYoung(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions) => false;

        public override bool ClearYoung(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions) => false;

        public override bool TestYoung(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions) => false;

        private sealed class Window(MmuNotifier owner, Hva start, Hva end) : NotifierRegion(owner, start, end);
    }

    /// <summary>Two VMs of one address space with different gates: the one that waits does not make the other wait.</summary>
    [Fact]
    public void A_waiting_update_of_another_vm_is_passed()
    {
        using var patient = new VirtualMachine(_t.Memory, new VmOptions { Gate = GateKind.ActiveCount });
        Worker waiting;
        using (new HeldInvalidation(_t.Memory, _hva, Page))
        {
            waiting = new Worker(() => patient.SetUserMemoryRegion(SlotsVm.Region(1, 0x300, 4, _hva)));
            Assert.False(waiting.EndsWithin(50));
            _t.Set(1, 0x100, 16, _hva);
            _t.Set(1, 0x200, 16, _hva);
            Assert.Equal(1, Vm.Invalidation.InProgress);
            Assert.Equal(0, patient.GetMemslots(0).Count);
        }
        waiting.Join();
        Assert.Equal(0, Vm.Invalidation.InProgress);
        Assert.Equal(0, patient.Invalidation.InProgress);
        _t.Memory.Discard(_hva, Page);
        Assert.Equal(1, patient.Statistics.InvalidationsRelated);
    }

    [Fact]
    public void A_notification_ends_once()
    {
        var notifiers = _t.Memory.Notifiers;
        Assert.True(notifiers.TryStart(new MmuNotifierRange(_hva, _hva + Page, MmuNotifierEvent.Clear), out var invalidation));
        notifiers.End(invalidation);
        var refused = false;
        try
        {
            notifiers.End(invalidation);
        }
        catch (Locking.LockAssertionException)
        {
            refused = true;
        }
        Assert.True(refused);
        Assert.Equal(0, notifiers.Active);
    }
}
