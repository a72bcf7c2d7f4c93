using Warren.Hypervisor.Invalidation;

namespace Warren.Lab;

/// <summary>Every gate there is, by name: the two of production, the three that lose, and the broken relatives of each.</summary>
public static class GateFactory
{
    /// <summary>Those that keep faults out of what is being invalidated; each has its price. What <c>measure</c> compares.</summary>
    public static IReadOnlyList<GateKind> Correct { get; } =
    [
        .. GateKind.All,
        new("always-lock", "mmu_lock for every notification, related or not", "every unrelated unmap holds up faults",
            vm => new AlwaysLockGate(vm)),
        new("rwsem", "a reader-writer semaphore from start to end; who may not sleep locks mmu_lock",
            "a circle in the lock order; a queued update blocks nested starts", vm => new RwSemGate(vm)),
        new("rwlock", "the same with a spinning lock", "somebody sleeps between start and end", vm => new RwLockGate(vm)),
        new("vm-count", "active-count with a count per VM, as KVM has it", "each notification costs every VM; an update can starve",
            vm => new VmCountGate(vm)),
    ];

    /// <summary>Those known to be wrong.</summary>
    public static IReadOnlyList<GateKind> Broken { get; } =
    [
        new("one-sided", "start and end elide mmu_lock each by its own lookup", "the count goes to -1 or stays up",
            vm => new OneSidedGate(vm)),
        new("try-lock", "rwsem, and who may not sleep tries in a loop", "a loop that no one can end", vm => new TryLockGate(vm)),
        new("count-related-only", "vm-count of notifications that hit a slot", "the count of the VM goes to -1 or stays up",
            vm => new CountRelatedOnlyGate(vm)),
        new("count-after-lookup", "vm-count that counts after the lookup", "the same", vm => new CountAfterLookupGate(vm)),
        new("count-blockable-only", "vm-count of blockable notifications", "the same, by the reaper", vm => new CountBlockableOnlyGate(vm)),
        new("count-dropped-early", "vm-count whose end stops counting before it leaves", "the same", vm => new UncountBeforeLeaveGate(vm)),
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
