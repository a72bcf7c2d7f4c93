using Warren.HostMemory;

namespace Warren.Lab;

/// <summary>Subscribes to a page, and refuses every notification that may not block.</summary>
internal sealed class Refuser : MmuNotifier, ISlotsPublisher
{
    public Refuser(LabWorld world, Hva hva)
    {
        world.Memory.Notifiers.Register(this);
        world.Memory.Notifiers.Update(null, new Region(this, hva), this);
    }

    public override bool InvalidateRangeStart(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions) => range.Blockable;

    public override void InvalidateRangeEnd(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions)
    {
    }

    public override bool ClearFlushYoung(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions) => false;

    public override bool ClearYoung(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions) => false;

    public override bool TestYoung(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions) => false;

    public void Publish()
    {
    }

    private sealed class Region(MmuNotifier owner, Hva hva) : NotifierRegion(owner, hva, hva + LabWorld.PageSize);
}
