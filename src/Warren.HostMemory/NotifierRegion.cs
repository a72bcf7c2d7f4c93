namespace Warren.HostMemory;

/// <summary>
/// A range of host virtual addresses that a notifier maps: a memslot. Regions of one or of several owners may overlap. Immutable once in
/// the index.
/// </summary>
public abstract class NotifierRegion
{
    public readonly MmuNotifier Owner;

    /// <summary>First address.</summary>
    public readonly Hva HvaStart;

    /// <summary>Address after the last; greater than <see cref="HvaStart"/>.</summary>
    public readonly Hva HvaEnd;

    /// <summary>Breaks ties between regions of one start address: the order of insertion, inherited by a replacement.</summary>
    internal long IndexKey;

    protected NotifierRegion(MmuNotifier owner, Hva hvaStart, Hva hvaEnd)
    {
        ArgumentNullException.ThrowIfNull(owner);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(hvaStart, hvaEnd);
        Owner = owner;
        HvaStart = hvaStart;
        HvaEnd = hvaEnd;
    }
}
