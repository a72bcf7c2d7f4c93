using System.Threading;
using Warren.Locking;

namespace Warren.HostMemory;

/// <summary>
/// The notifiers of one address space, and the index of the regions they map. A change of the address space is bracketed by
/// <see cref="TryStart"/> and <see cref="End"/>; it reaches the notifiers with a region in its range, and costs a change
/// that concerns nobody one place in the list of those in flight and one lookup, however many notifiers there are.
/// <para>The contract (mm/mmu_notifier.c): at a start the pages are still mapped; between start and end no secondary mapping of the
/// range may be made; pages may be freed once start has returned; starts and ends of different ranges nest and overlap in any way. A
/// notifier unregistered between a start and its end is not told the end.</para>
/// <para>A notification is in the list before it looks for regions, and out of it before it tells the first end: an update that publishes a
/// region and then goes through the list misses none that did not find the region and has not finished changing the host page table.</para>
/// </summary>
public sealed partial class MmuNotifiers
{
    private readonly Srcu _srcu = new(HostMemoryLocks.NotifierSrcu);
    private readonly LockMap _map = new(HostMemoryLocks.InvalidateRange);
    private readonly LockMap _nonBlockable = new(HostMemoryLocks.NonBlockable);
    private RegionTree? _root;
    private long _related;
    private long _refused;

    internal MmuNotifiers()
    {
    }

    /// <summary>Invalidations so far, whether or not they concerned a notifier.</summary>
    public long Seen => InFlight.Seen;

    /// <summary>Those that reached at least one notifier at their start.</summary>
    public long Related => Volatile.Read(ref _related);

    /// <summary>Those refused by a notifier; only non-blockable ones can be.</summary>
    public long Refused => Volatile.Read(ref _refused);

    /// <summary>Invalidations in flight; 0 when the address space is quiet.</summary>
    public long Active => InFlight.Active;

    internal InFlightInvalidations InFlight { get; } = new();

    /// <summary>Starts an invalidation whose caller may sleep: nobody can refuse it.</summary>
    public Invalidation Start(Hva start, Hva end, MmuNotifierEvent reason)
    {
        TryStart(new MmuNotifierRange(start, end, reason), out var invalidation);
        return invalidation;
    }

    /// <summary>Starts an invalidation. False: a non-blockable one was refused; the caller must change nothing and not call End.</summary>
    public bool TryStart(scoped in MmuNotifierRange range, out Invalidation invalidation)
    {
        var record = InvalidationRecord.Take();
        record.Describe(range);
        // Before the lookup: see the summary.
        InFlight.Add(record);
        invalidation = new Invalidation(record);
        Collect(range.Start, range.End, record.Regions);
        if (record.Regions.Count == 0)
        {
            Mark(HostMemoryMarks.InvalidationStarted, record);
            return true;
        }

        Interlocked.Increment(ref _related);
        if (CallStarts(record))
        {
            Mark(HostMemoryMarks.InvalidationStarted, record);
            return true;
        }

        Interlocked.Increment(ref _refused);
        // Those that accepted have raised their counts: every one of them gets its end, whatever its place in the order.
        Finish(record);
        Mark(HostMemoryMarks.InvalidationRefused, record);
        record.Return();
        return false;
    }

    /// <summary>Ends an invalidation that started, once.</summary>
    /// <exception cref="LockAssertionException">It has ended already.</exception>
    public void End(in Invalidation invalidation)
    {
        var record = invalidation.Record;
        if (record is null || record.Turn != invalidation.Turn)
            throw new LockAssertionException("An invalidation ended that never started, or had ended before.");
        Mark(HostMemoryMarks.InvalidationEnding, record);
        Finish(record);
        Mark(HostMemoryMarks.InvalidationEnded, record);
        record.Return();
    }

    /// <summary>
    /// Is some invalidation of [<paramref name="start"/>, <paramref name="end"/>) between its place in the list and its end? False: each
    /// has changed the host page table before now, or has not yet looked for regions. Never sleeps.
    /// </summary>
    public bool IsInvalidating(Hva start, Hva end) => InFlight.Covers(start, end);

    /// <summary>Appends the regions that overlap the range, of all owners, as they are now.</summary>
    internal void Collect(Hva start, Hva end, RegionBuffer into) => RegionTree.Collect(Atomics.Read(ref _root, this), start, end, into);

    private void Mark(CheckMark mark, InvalidationRecord record) =>
        Check.Mark(mark, this, (long)record.Start.Value, (long)record.End.Value);

    private void Finish(InvalidationRecord record)
    {
        // First: nobody enters any more, so that whom we leave below is everyone it had entered.
        InFlight.Remove(record);
        if (record.EnteredCount != 0)
        {
            CallEnds(record);
            // Last: the memslots of those who wait for idleness must not change before every notifier has balanced its count.
            InFlight.Leave();
        }

        InFlight.Map.Leave();
    }

    private bool CallStarts(InvalidationRecord record)
    {
        var regions = record.Regions;
        var accepted = true;
        var blockable = record.Range.Blockable;
        EnterCall(blockable);
        var idx = _srcu.ReadLock();
        regions.Group();
        for (var at = 0; at < regions.Count;)
        {
            var run = regions.Run(at);
            accepted &= CallStart(record, run[0].Owner, run);
            at += run.Length;
        }

        _srcu.ReadUnlock(idx);
        LeaveCall(blockable);
        return accepted;
    }

    /// <summary>
    /// All are called, even after a refusal. A dead one is left out here and, being dead for good, at the end. Only a non-blockable range
    /// can be refused: the answer to a blockable one is not looked at.
    /// </summary>
    private bool CallStart(InvalidationRecord record, MmuNotifier owner, ReadOnlySpan<NotifierRegion> run)
    {
        if (!owner.IsCalled)
            return true;
        if (!owner.InvalidateRangeStart(record.Range, run) && !record.Range.Blockable)
            return false;
        InFlight.Enter(record, owner);
        return true;
    }

    private void CallEnds(InvalidationRecord record)
    {
        var blockable = record.Range.Blockable;
        EnterCall(blockable);
        var idx = _srcu.ReadLock();
        for (var i = 0; i < record.EnteredCount; i++)
        {
            var owner = record.Entered(i);
            if (owner.IsCalled)
                owner.InvalidateRangeEnd(record.Range, record.Regions.RunOf(owner));
        }

        _srcu.ReadUnlock(idx);
        LeaveCall(blockable);
    }

    private void EnterCall(bool blockable)
    {
        // Exclusively: whatever a callback waits for must not itself wait for a callback, its own thread's included.
        _map.Enter(LockMode.Exclusive);
        if (!blockable)
            _nonBlockable.Enter();
    }

    private void LeaveCall(bool blockable)
    {
        if (!blockable)
            _nonBlockable.Leave();
        _map.Leave(LockMode.Exclusive);
    }
}
