namespace Warren.HostMemory;

/// <summary>
/// A run of pages mapped alike (vm_area_struct): anonymous, or private to a file. Changed only under the mmap lock held for write.
/// </summary>
internal sealed class Vma
{
    internal Hva Start;
    internal Hva End;
    internal VmaProtection Protection;

    /// <summary>Aligned 2 MiB of it may be backed by one block. Anonymous only.</summary>
    internal bool HugePages;

    internal FilePages? File;

    /// <summary>Page of the file at <see cref="Start"/>.</summary>
    internal long FilePage;

    internal long FilePageAt(Hva hva) => FilePage + (long)((hva - Start) >> FramePool.PageShift);

    /// <summary>Cuts at <paramref name="at"/>, inside: this keeps the left part, the right part is returned.</summary>
    internal Vma CutAt(Hva at)
    {
        var right = new Vma
        {
            Start = at,
            End = End,
            Protection = Protection,
            HugePages = HugePages,
            File = File,
            FilePage = File is null ? 0 : FilePageAt(at),
        };
        File?.AddUser();
        End = at;
        return right;
    }

    /// <summary>True when the right neighbour continues this one.</summary>
    internal bool ContinuesInto(Vma right) =>
        End == right.Start && Protection == right.Protection && HugePages == right.HugePages && File == right.File
        && (File is null || FilePageAt(End) == right.FilePage);
}
