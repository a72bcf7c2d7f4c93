namespace Warren.Images;

/// <summary>The purpose of an entry of the cache.</summary>
public enum ImageKind
{
    /// <summary>The flat RISC-V kernel Image.</summary>
    Kernel,

    /// <summary>The configuration that the kernel was built with.</summary>
    KernelConfig,

    /// <summary>The static busybox executable.</summary>
    Busybox,

    /// <summary>The initial ramdisk that was made of busybox and our init; it is in no pull, and its name is its digest.</summary>
    Initramfs,
}

/// <summary>One file of the cache, as the manifest records it.</summary>
/// <param name="Package">The binary package that it was taken from.</param>
/// <param name="Version">That package's version.</param>
/// <param name="File">Its name below the cache's content directory.</param>
/// <param name="Size">In bytes.</param>
/// <param name="Sha256">Of the file, 64 lower-case hexadecimal digits.</param>
/// <param name="PackageSha256">Of the package, as the archive's signed index has it.</param>
public sealed record ImageEntry(ImageKind Kind, string Package, string Version, string File, long Size, string Sha256,
    string PackageSha256);

/// <summary>One successful pull: a kernel, its configuration and a busybox that belong together.</summary>
/// <param name="Pulled">When, in UTC.</param>
/// <param name="Mirror">The archive's root.</param>
/// <param name="Suite">Debian's codename, "trixie".</param>
/// <param name="Release">The point release, "13.7", or "".</param>
/// <param name="ReleaseDigest">SHA-256 of the suite's verified Release text: while that stays, there is nothing new to pull.</param>
public sealed record ImagePull(
    DateTimeOffset Pulled, string Mirror, string Suite, string Release, string ReleaseDigest, IReadOnlyList<ImageEntry> Entries)
{
    /// <summary>The entry of a kind, or null.</summary>
    public ImageEntry? Find(ImageKind kind) => Entries.FirstOrDefault(e => e.Kind == kind);
}

/// <summary>The result of checking an entry against its recorded SHA-256.</summary>
public enum ImageHealth
{
    /// <summary>It is there; its content was not looked at.</summary>
    Unchecked,

    /// <summary>It is exactly what was recorded.</summary>
    Good,

    Missing,

    /// <summary>Other bytes than were recorded, or fewer, or it cannot be read.</summary>
    Altered,
}

/// <summary>An entry with where it is and what checking it found.</summary>
/// <param name="Path">Absolute.</param>
/// <param name="Current">Whether it belongs to the newest pull, the one that guests start from, or is the initramfs used last.</param>
public sealed record ImageStatus(ImageEntry Entry, string Path, bool Current, ImageHealth Health)
{
    public bool IsBad => Health is ImageHealth.Missing or ImageHealth.Altered;

    /// <summary>"the cached busybox /… is missing", without a full stop.</summary>
    public string Sentence => $"the cached {What} {Path} {Health switch
    {
        ImageHealth.Missing => "is missing",
        ImageHealth.Altered => "is damaged (its SHA-256 is not the one recorded)",
        _ => "is there",
    }}";

    private string What => Entry.Kind switch
    {
        ImageKind.Kernel => "kernel",
        ImageKind.KernelConfig => "kernel configuration",
        ImageKind.Busybox => "busybox",
        _ => "initramfs",
    };
}

/// <summary>The files that a guest is started from.</summary>
/// <param name="Kernel">Path of the kernel Image.</param>
/// <param name="Busybox">Path of the static busybox.</param>
/// <param name="Version">The kernel's release, "6.12.107+deb13-riscv64".</param>
/// <param name="BusyboxVersion">The busybox package's version.</param>
public sealed record GuestImage(string Kernel, string Busybox, string Version, string BusyboxVersion);

/// <summary>The result of a pull.</summary>
/// <param name="Changed">Whether a file of the guest is new; false when everything was there already.</param>
/// <param name="Received">Bytes that came over the network.</param>
public sealed record PullResult(GuestImage Guest, ImagePull Pull, bool Changed, long Received);

/// <summary>The result of pruning.</summary>
/// <param name="Files">Their names, relative to the cache.</param>
/// <param name="Bytes">The space that they took.</param>
public sealed record PruneResult(IReadOnlyList<string> Files, long Bytes);
