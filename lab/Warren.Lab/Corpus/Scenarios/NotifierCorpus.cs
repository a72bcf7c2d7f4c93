using Warren.HostMemory;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>The notifier core with subscribers of the scenario's own beside a VM: one refuses, one is unregistered.</summary>
internal static class NotifierCorpus
{
    private static readonly LockClass DeviceLock =
        new("device_state", WaitContext.Spin, HostMemoryLocks.Mmap, HostMemoryLocks.NonBlockable, HostMemoryLocks.NotifierSrcu,
            HostMemoryLocks.InvalidateRange);

    internal static IReadOnlyList<Scenario> All { get; } =
    [
        new DelegateScenario("refusal-of-one-subscriber", "A VM and a device map a page; the device refuses a non-blockable invalidation.",
            s =>
        {
            var (world, vm, hva) = FaultCorpus.Pages(s, 1);
            vm.Vcpus[0].Store(FaultCorpus.Gfn, 7);
            var device = new Device { Refuses = true };
            device.Map(world.Memory, hva);
            var after = new Device();
            after.Map(world.Memory, hva);
            world.Thread("reaper", () => world.Reap(hva));
            s.AtEnd("starts and ends balance", () => Unbalanced(device) ?? Unbalanced(after));
            s.AtEnd("memslots can be updated", () =>
            {
                vm.DeleteSlot(0);
                return null;
            });
        }),
        new DelegateScenario("refusal-vs-update", "A device refuses a non-blockable invalidation while a slot is created.", s =>
        {
            var (world, vm, hva) = FaultCorpus.Pages(s, 1);
            var device = new Device { Refuses = true };
            device.Map(world.Memory, hva);
            world.Thread("reaper", () => world.Reap(hva));
            world.Thread("create", () => vm.SetSlot(1, FaultCorpus.Gfn + 0x10, 1, hva));
        }),
        new DelegateScenario("unregister-vs-callback", "A subscriber is unregistered and dismantled while an invalidation calls it.", s =>
        {
            var world = new LabWorld(s);
            var hva = world.Map(1);
            var device = new Device();
            device.Map(world.Memory, hva);
            world.Thread("discard", () => world.Discard(hva));
            world.Thread("unregister", () =>
            {
                world.Memory.Notifiers.Unregister(device);
                if (device.Inside != 0)
                {
                    s.Fail(VerdictKind.UseAfterFree,
                        "Unregistering has returned, and a callback of the subscriber is still running: what it uses is freed now.");
                }
            });
        }),
    ];

    private static string? Unbalanced(Device device) =>
        device.Active == 0 ? null : $"a subscriber that had {device.Active + device.Ends} starts had {device.Ends} ends";

    /// <summary>A subscriber with state of its own under a lock, as a device's IOTLB.</summary>
    private sealed class Device : MmuNotifier, ISlotsPublisher
    {
        private readonly Locking.SpinLock _lock = new(DeviceLock);

        internal bool Refuses { get; init; }

        internal int Active { get; private set; }

        internal int Ends { get; private set; }

        internal int Inside { get; private set; }

        internal void Map(AddressSpace memory, Hva hva)
        {
            memory.Notifiers.Register(this);
            memory.Notifiers.Update(null, new Mapping(this, hva), this);
        }

        public void Publish()
        {
        }

        public override bool InvalidateRangeStart(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions)
        {
            if (Refuses)
                return false;
            Count(1);
            return true;
        }

        public override void InvalidateRangeEnd(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions)
        {
            Ends++;
            Count(-1);
        }

        public override bool ClearFlushYoung(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions) => false;

        public override bool ClearYoung(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions) => false;

        public override bool TestYoung(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions) => false;

        private void Count(int change)
        {
            Inside++;
            _lock.Lock();
            Active += change;
            _lock.Unlock();
            Inside--;
        }
    }

    private sealed class Mapping(MmuNotifier owner, Hva hva) : NotifierRegion(owner, hva, hva + LabWorld.PageSize);
}
