using Warren.HostMemory;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>Another subscriber of the address space: a device with an IOTLB of its own, under a mutex of its own.</summary>
internal sealed class LabDevice : MmuNotifier, ISlotsPublisher
{
    private readonly Mutex _iotlb = new(LabLocks.DeviceIotlb);
    private readonly bool _refuses;
    private int _open;

    /// <param name="refuses">Refuses non-blockable notifications.</param>
    internal LabDevice(LabWorld world, Hva hva, int pages, bool refuses = false)
    {
        _refuses = refuses;
        world.Memory.Notifiers.Register(this);
        world.Memory.Notifiers.Update(null, new Window(this, hva, hva + ((ulong)pages * LabWorld.PageSize)), this);
        world.Schedule.AtEnd("the device's invalidations",
            () => _open == 0 ? null : $"the device has {_open} invalidations open, and nothing is in flight");
    }

    void ISlotsPublisher.Publish()
    {
    }

    public override bool InvalidateRangeStart(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions)
    {
        if (_refuses && !range.Blockable)
            return false;
        Count(1);
        return true;
    }

    public override void InvalidateRangeEnd(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions) => Count(-1);

    public override bool ClearFlushYoung(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions) => false;

    public override bool ClearYoung(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions) => false;

    public override bool TestYoung(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions) => false;

    private void Count(int by)
    {
        _iotlb.Lock();
        Shared.Write(ref _open, Shared.Read(ref _open, this) + by, this);
        _iotlb.Unlock();
    }

    private sealed class Window(MmuNotifier owner, Hva start, Hva end) : NotifierRegion(owner, start, end);
}
