namespace Warren.HostMemory;

/// <summary>The backing of a page (the result of hva_to_pfn).</summary>
public struct FrameMapping
{
    /// <summary>The frame of the 4 KiB page; the caller owns one reference to it and puts it.</summary>
    public Pfn Pfn { get; internal set; }

    /// <summary>It may be mapped writable now: the mapping allows it and nobody shares the frame.</summary>
    public bool Writable { get; internal set; }

    /// <summary>0, or <see cref="FramePool.BlockOrder"/> when the aligned 2 MiB around it is one block with the same rights.</summary>
    public int Order { get; internal set; }
}
