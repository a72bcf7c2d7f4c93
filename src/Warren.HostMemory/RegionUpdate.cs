namespace Warren.HostMemory;

/// <summary>
/// A change of the region index, built and not yet visible; the caller is its only updater until it is disposed
/// (<see cref="MmuNotifiers.BeginUpdate"/>).
/// </summary>
public readonly ref struct RegionUpdate
{
    private readonly MmuNotifiers _notifiers;
    private readonly RegionTree? _root;
    private readonly NotifierRegion? _added;

    internal RegionUpdate(MmuNotifiers notifiers, RegionTree? root, NotifierRegion? added)
    {
        _notifiers = notifiers;
        _root = root;
        _added = added;
    }

    /// <summary>From here on lookups find the new regions. One store; under any lock.</summary>
    public void Store() => _notifiers.StoreRoot(_root);

    /// <summary>
    /// Goes through the notifications in flight that overlap the added region, if there is one: every other that does finds it by its
    /// lookup, since a notification is in the list before it looks. Call it after <see cref="Store"/>, under the lock that guards the
    /// owner's counts.
    /// </summary>
    public void Join(IInvalidationJoiner joiner)
    {
        if (_added is not null)
            _notifiers.InFlight.Join(_added, joiner);
    }

    /// <summary>Lets the next updater in.</summary>
    public void Dispose() => _notifiers.EndUpdate();
}

/// <summary>The stores that become visible together with a change of regions: the pointer to a VM's memslots.</summary>
public interface ISlotsPublisher
{
    /// <summary>Runs under a spinning lock: a plain store or two, nothing that waits.</summary>
    void Publish();
}

/// <summary>A VM that lets notifications in flight into its counts when it publishes a region that they did not find.</summary>
public interface IInvalidationJoiner
{
    /// <summary>
    /// Runs under a spinning leaf lock, once for each notification. The region's owner is told its end from here on; its start may have
    /// been told before, be told later, or never.
    /// </summary>
    /// <param name="range">What the notification covers; it overlaps the region. Its <see cref="MmuNotifierRange.Id"/> is the
    /// start's.</param>
    /// <param name="region">The region that was added.</param>
    void Join(in MmuNotifierRange range, NotifierRegion region);
}
