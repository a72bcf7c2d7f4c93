using System.Threading;

namespace Warren.HostMemory.Tests;

/// <summary>A pool and an address space; on disposal asserts that nothing leaked.</summary>
internal sealed class TestMemory : IDisposable
{
    internal TestMemory(long poolBytes = 64 << 20, MemoryBudget? budget = null)
    {
        Pool = new FramePool(poolBytes);
        Budget = budget;
        Space = new AddressSpace(Pool, budget);
    }

    internal FramePool Pool { get; }

    internal MemoryBudget? Budget { get; }

    internal AddressSpace Space { get; }

    public void Dispose()
    {
        Space.Dispose();
        Assert.Equal(0, Pool.FramesInUse);
        Assert.Equal(0, Space.PageTables);
        Assert.Equal(0, Space.Notifiers.Active);
        Assert.Equal(0, Budget?.Charged ?? 0);
        Budget?.Dispose();
        Pool.Dispose();
    }

    internal byte ReadByte(Hva hva)
    {
        var one = new byte[1];
        Space.Read(hva, one);
        return one[0];
    }

    internal void WriteByte(Hva hva, byte value) => Space.Write(hva, [value]);

    internal Errno ErrnoOf(Action<AddressSpace> action) => Assert.ThrowsAny<HostMemoryException>(() => action(Space)).Errno;
}

internal sealed class TestRegion(MmuNotifier owner, Hva start, Hva end) : NotifierRegion(owner, start, end);

internal sealed class Nothing : ISlotsPublisher
{
    internal static readonly Nothing Instance = new();

    public void Publish()
    {
    }
}

/// <summary>Checks the contract: starts and ends balance per range, with equal regions, and counts what it saw.</summary>
internal sealed class RecordingNotifier : MmuNotifier
{
    private readonly Lock _lock = new();
    private readonly List<string> _open = [];

    internal List<string> Log { get; } = [];

    internal Func<MmuNotifierRange, bool>? OnStart { get; set; }

    internal Action<MmuNotifierRange>? OnEnd { get; set; }

    internal bool KeepLog { get; init; } = true;

    internal int Open
    {
        get
        {
            lock (_lock)
                return _open.Count;
        }
    }

    internal long Starts { get; private set; }

    internal long Ends { get; private set; }

    internal int Releases { get; private set; }

    internal int YoungCalls { get; private set; }

    internal bool IsYoung { get; set; }

    internal string? Violation { get; private set; }

    public override bool InvalidateRangeStart(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions)
    {
        if (OnStart is not null && !OnStart(range))
            return false;
        lock (_lock)
        {
            Starts++;
            Verify(range, regions);
            _open.Add(Describe(range, regions));
            if (KeepLog)
                Log.Add($"start {range.Event} {range.Start:x}-{range.End:x} x{regions.Length}");
        }

        return true;
    }

    public override void InvalidateRangeEnd(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions)
    {
        OnEnd?.Invoke(range);
        lock (_lock)
        {
            Ends++;
            if (!_open.Remove(Describe(range, regions)))
                Violation ??= "an end without an equal start";
            if (KeepLog)
                Log.Add($"end {range.Start:x}-{range.End:x}");
        }
    }

    public override bool ClearFlushYoung(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions) => Young();

    public override bool ClearYoung(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions) => Young();

    public override bool TestYoung(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions)
    {
        YoungCalls++;
        return IsYoung;
    }

    public override void Release() => Releases++;

    internal TestRegion Add(AddressSpace space, Hva start, ulong length)
    {
        var region = new TestRegion(this, start, start + length);
        space.Notifiers.Update(null, region, Nothing.Instance);
        return region;
    }

    private bool Young()
    {
        YoungCalls++;
        var young = IsYoung;
        IsYoung = false;
        return young;
    }

    private void Verify(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions)
    {
        if (regions.Length == 0)
            Violation ??= "called without a region";
        for (var i = 0; i < regions.Length; i++)
        {
            if (regions[i].Owner != this)
                Violation ??= "given a region of another owner";
            if (regions[i].HvaStart >= range.End || regions[i].HvaEnd <= range.Start)
                Violation ??= "given a region outside the range";
            if (i > 0 && regions[i].HvaStart < regions[i - 1].HvaStart)
                Violation ??= "given regions out of order";
        }
    }

    private static string Describe(in MmuNotifierRange range, ReadOnlySpan<NotifierRegion> regions)
    {
        var text = $"{range.Start:x}-{range.End:x}:";
        foreach (var region in regions)
            text += $" {region.GetHashCode():x}";
        return text;
    }
}
