namespace Warren.HostMemory;

/// <summary>The three questions of aging.</summary>
internal enum YoungQuery
{
    Test,
    Clear,
    ClearFlush,
}

public sealed partial class MmuNotifiers
{
    /// <summary>True when any region overlaps the range; a hint.</summary>
    internal bool Any(Hva start, Hva end)
    {
        var record = InvalidationRecord.Take();
        Collect(start, end, record.Regions);
        var any = record.Regions.Count > 0;
        record.Return();
        return any;
    }

    /// <summary>
    /// Asks the notifiers of a range whether it was accessed. No invalidation: an update neither waits for it nor joins it.
    /// </summary>
    internal bool Young(in MmuNotifierRange range, YoungQuery query)
    {
        var record = InvalidationRecord.Take();
        var regions = record.Regions;
        Collect(range.Start, range.End, regions);
        var young = false;
        if (regions.Count > 0)
        {
            regions.Group();
            var idx = _srcu.ReadLock();
            for (var at = 0; at < regions.Count;)
            {
                var run = regions.Run(at);
                var owner = run[0].Owner;
                if (owner.IsCalled)
                {
                    young |= query switch
                    {
                        YoungQuery.Test => owner.TestYoung(range, run),
                        YoungQuery.Clear => owner.ClearYoung(range, run),
                        _ => owner.ClearFlushYoung(range, run),
                    };
                }

                at += run.Length;
            }

            _srcu.ReadUnlock(idx);
        }

        record.Return();
        return young;
    }
}
