namespace Warren.Machines.Boot;

/// <summary>How a kernel file is laid out.</summary>
public enum KernelFormat
{
    /// <summary>The flat RISC-V boot image (Documentation/arch/riscv/boot-image-header.rst).</summary>
    Image,

    /// <summary>A statically linked ELF64 executable.</summary>
    Elf,
}

/// <summary>
/// A piece of a kernel file and where it goes: <see cref="FileSize"/> bytes from <see cref="FileOffset"/> to guest physical
/// <see cref="Address"/>, followed by zeros up to <see cref="MemorySize"/> (never less than <see cref="FileSize"/>).
/// </summary>
public readonly record struct KernelSegment(ulong Address, long FileOffset, ulong FileSize, ulong MemorySize)
{
    /// <summary>The first address behind the segment.</summary>
    public ulong End => Address + MemorySize;
}

/// <summary>A kernel file, understood: what to place where in guest physical memory, and where to begin.</summary>
/// <param name="Name">What the user called the file.</param>
/// <param name="Path">The file that holds the segments: the kernel itself, or its decompressed copy.</param>
/// <param name="Format">What kind of file it is.</param>
/// <param name="Entry">Guest physical address of the first instruction.</param>
/// <param name="Segments">In order of address; they do not overlap.</param>
public sealed record KernelImage(string Name, string Path, KernelFormat Format, ulong Entry, IReadOnlyList<KernelSegment> Segments)
{
    /// <summary>The first address behind all segments.</summary>
    public ulong End => Segments[^1].End;

    /// <summary>
    /// True for a Linux kernel, which has a use for an initial ramdisk and a command line; other programs come as flat images, too.
    /// </summary>
    /// <exception cref="MachineConfigurationException">The file cannot be read any more.</exception>
    public bool IsLinux => Format == KernelFormat.Image && LinuxBanner.IsIn(Path);
}
