using Warren.Hypervisor.Vcpus;

namespace Warren.RiscV.Mmu;

/// <summary>
/// Entries of Sv39, Sv48 and Sv57, which are the same, as the shadow MMU wants them. <see cref="Pte"/> defines which are well-formed.
/// </summary>
internal sealed class PageFormat(bool pbmt, bool napot) : IGuestPageFormat
{
    /// <summary>True when the entry is valid at <paramref name="level"/> (1: 4 KiB).</summary>
    internal bool IsWellFormed(Pte pte, int level) => pte.IsWellFormed(level, pbmt, napot);

    /// <inheritdoc/>
    public GuestPte Decode(ulong bits, int level, int index)
    {
        var pte = new Pte(bits);
        if (!IsWellFormed(pte, level))
            return default;

        if (!pte.IsLeaf)
            return new GuestPte { IsPresent = true, Gfn = pte.PageNumber };

        var rights = (pte.Readable ? GuestRights.Read : 0)
            | (pte.Writable ? GuestRights.Write : 0)
            | (pte.Executable ? GuestRights.Execute : 0)
            | (pte.User ? GuestRights.User : 0);

        return new GuestPte
        {
            IsPresent = true,
            IsLeaf = true,

            // Of 64 KiB, each of the 16 equal entries maps the page of its own index.
            Gfn = pte.IsNapot ? pte.PageOf((ulong)index, 1) : pte.PageNumber,
            Rights = rights,
            Accessed = (bits & Pte.Accessed) != 0,
            Dirty = (bits & Pte.Dirty) != 0,
        };
    }
}
