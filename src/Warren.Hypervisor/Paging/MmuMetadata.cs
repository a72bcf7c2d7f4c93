namespace Warren.Hypervisor.Paging;

/// <summary>Native memory that a VM's MMU holds, in bytes.</summary>
public readonly record struct MmuMetadata
{
    /// <summary>Page tables, and free ones kept for the next fault.</summary>
    public long Tables { get; init; }
    /// <summary>
    /// Memory for each page of a memslot, mapped or not: reverse maps and counts. 0 with TDP, and with a shadow MMU that has had no root
    /// yet.
    /// </summary>
    public long Slots { get; init; }
    /// <summary>The records kept for each shadow page, and for each page that several SPTEs map.</summary>
    public long Records { get; init; }

    public long Total => Tables + Slots + Records;
}
