using Warren.Hypervisor;

namespace Warren.Lab;

/// <summary>Every gate there is, by name: the two of production, the three that lose, and the broken relatives of each.</summary>
public static class GateFactory
{
    /// <summary>Those that keep faults out of what is being invalidated; each has its price. What <c>measure</c> compares.</summary>
    public static IReadOnlyList<GateKind> Correct { get; } =
    [
        .. GateKind.All,
        new("always-lock", "mmu_lock for every notification, related or not", "every unrelated unmap holds up faults", vm => new AlwaysLockGate(vm)),
        new("rwsem", "a reader-writer semaphore from start to end; who may not sleep locks mmu_lock", "a circle in the lock order; a queued update blocks nested starts", vm => new RwSemGate(vm)),
        new("rwlock", "the same with a spinning lock", "somebody sleeps between start and end", vm => new RwLockGate(vm)),
        new("vm-count", "active-count with a count per VM, as KVM has it", "each notification costs every VM; an update can starve", vm => new VmCountGate(vm)),
    ];

    /// <summary>Those known to be wrong.</summary>
    public static IReadOnlyList<GateKind> Broken { get; } =
    [
        new("one-sided", "start and end elide mmu_lock each by its own lookup", "the count goes to -1 or stays up", vm => new OneSidedGate(vm)),
        new("try-lock", "rwsem, and who may not sleep tries in a loop", "a loop that no one can end", vm => new TryLockGate(vm)),
        new("count-related-only", "vm-count of notifications that hit a slot", "the count of the VM goes to -1 or stays up", vm => new CountRelatedOnlyGate(vm)),
        new("count-after-lookup", "vm-count that counts after the lookup", "the same", vm => new CountAfterLookupGate(vm)),
        new("count-blockable-only", "vm-count of blockable notifications", "the same, by the reaper", vm => new CountBlockableOnlyGate(vm)),
        new("count-publish-unlocked", "vm-count whose update stores after it dropped the lock", "the same", vm => new PublishUnlockedGate(vm)),
        new("count-dropped-early", "vm-count whose end stops counting before it leaves", "the same", vm => new UncountBeforeLeaveGate(vm)),
        new("count-wake-early", "vm-count whose end wakes the update before it stops counting", "the update sleeps for ever", vm => new WakeBeforeUncountGate(vm)),
        new("count-prepare-late", "vm-count whose update announces itself after it dropped the lock", "the update sleeps for ever", vm => new PrepareLateGate(vm)),
        new("count-no-recheck", "vm-count whose update does not look again when woken", "the count of the VM goes to -1 or stays up", vm => new NoRecheckGate(vm)),
        new("join-no-bump", "join without the sequence bump in the update", "a fault maps a freed frame", vm => new JoinWithoutBump(vm)),
        new("join-no-zap", "join without the zap where the notification had entered", "a mapping survives the start", vm => new JoinWithoutZap(vm)),
        new("join-nobody", "join without the walk through those in flight", "a fault maps a freed frame", vm => new JoinNobody(vm)),
        new("join-range-on-entry", "join that adds the range on entry only", "a fault through an aliased slot maps a freed frame", vm => new JoinRangeOnEntryOnly(vm)),
        new("join-before-store", "join that walks before it publishes", "a fault maps a freed frame", vm => new JoinBeforeStore(vm)),
        new("join-publish-unlocked", "join that publishes before it has mmu_lock", "a fault maps a freed frame", vm => new JoinPublishUnlocked(vm)),
        new("join-counts-twice", "join whose start counts whether or not it was joined", "the count stays up", vm => new JoinCountsTwice(vm)),
        new("join-enters-unlocked", "join whose start enters before it has mmu_lock", "a range that no count covers", vm => new JoinEntersUnlocked(vm)),
    ];

    public static IReadOnlyList<GateKind> All { get; } = [.. Correct, .. Broken];

    /// <exception cref="ArgumentException">There is none of that name; the message names those there are.</exception>
    public static GateKind Create(string name)
    {
        foreach (var kind in All)
        {
            if (kind.Name == name)
                return kind;
        }

        throw new ArgumentException($"There is no gate '{name}'; there are {string.Join(", ", All)}.");
    }
}
