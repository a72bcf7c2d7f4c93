using System.IO.Compression;

namespace Warren.Machines.Boot;

/// <summary>
/// The memory that a Linux kernel needs beside itself, its initrd and the device tree before it can run its first program. Much of it is
/// set aside before there is a console, and a kernel that does not get it dies in silence: so a machine with less is refused, and no
/// machine that would do.
/// </summary>
/// <remarks>
/// The kernel's own strings say which of the tables it makes. Of what is left, the allocations of a boot, only the least is counted that
/// was ever seen to do (Debian's 6.12.117, by bisection with <c>warren run --memory N -- true</c>: 80 MiB with one CPU, 82, 85 and 96 with
/// two, four and sixteen; its 7.2.13 takes 90). A kernel smaller than that one is given in proportion.
/// </remarks>
internal static class LinuxMemory
{
    private const ulong Mebibyte = 1 << 20;

    /// <summary>
    /// SPARSEMEM_EXTREME on RV64: one pointer for each page full of section records, for 2^56 bytes in sections of 2^27, whatever memory
    /// there is. A record has 16 bytes, or 32 where each page has an extension (PAGE_EXTENSION): 256 or 128 a page.
    /// </summary>
    private const ulong SectionRoots = 16 * Mebibyte, ExtendedSectionRoots = 32 * Mebibyte;

    /// <summary>The memory map of one section: 64 bytes a page, and mapped whole.</summary>
    private const ulong SectionSize = 128 * Mebibyte, SectionMap = 2 * Mebibyte;

    /// <summary>KFENCE's pool: 256 objects, each a page with a guard page.</summary>
    private const ulong FencePool = 2 * Mebibyte;

    /// <summary>The least of a boot's other allocations with one CPU, and for each further one.</summary>
    private const ulong Boot = 8 * Mebibyte, EachCpu = Mebibyte;

    /// <summary>Memory size of the kernel <see cref="Boot"/> was measured with.</summary>
    private const ulong MeasuredKernel = 30 * Mebibyte;

    private static ReadOnlySpan<byte> Linux => "Linux version "u8;

    /// <summary>Words that mm/sparse.c, mm/page_ext.c, mm/kfence and mm/shmem.c may print, or take as a parameter.</summary>
    private static ReadOnlySpan<byte> Sparse => "memory map backing failed"u8;

    private static ReadOnlySpan<byte> PageExtension => "early_page_ext"u8;

    private static ReadOnlySpan<byte> Fence => "kfence: initialized - using"u8;

    private static ReadOnlySpan<byte> Tmpfs => "Too small a size for current use"u8;

    /// <summary>
    /// Bytes that memory must hold beside what lies in it at the start; 0 for what is no Linux, and where the memory is plainly enough.
    /// </summary>
    /// <param name="kernel">The kernel.</param>
    /// <param name="initrdPath">The initrd, or null.</param>
    /// <param name="initrdSize">Its size in bytes.</param>
    /// <param name="options">The machine's: CPUs, memory and command line count.</param>
    public static ulong LeastBeside(KernelImage kernel, string? initrdPath, ulong initrdSize, MachineOptions options)
    {
        ulong memory = (ulong)options.MemoryBytes, kernelSize = kernel.End - MemoryMap.Ram;
        var most = ExtendedSectionRoots + FencePool + Boot + (ulong)options.Cpus * EachCpu + Maps(memory)
            + 2 * Estimate(initrdPath, initrdSize);
        if (memory >= kernelSize + initrdSize + most + 4 * Mebibyte)
            return 0;
        var traits = Look(kernel);
        if (!traits.IsLinux)
            return 0;
        var early = traits switch
        {
            { IsSparse: false } => memory / 64,
            { HasPageExtension: true } => ExtendedSectionRoots + Maps(memory),
            _ => SectionRoots + Maps(memory),
        };
        if (traits.HasFence)
            early += FencePool;
        // What lies below the kernel is free for the tables.
        early -= Math.Min(early, kernel.Segments[0].Address - MemoryMap.Ram);
        var unpacked = initrdPath is null ? 0 : Unpacked(initrdPath, initrdSize);
        var boot = Boot * Math.Min(MeasuredKernel, kernel.Segments.Aggregate(0UL, (sum, s) => sum + s.MemorySize)) / MeasuredKernel;
        var running = unpacked + boot + (ulong)(options.Cpus - 1) * EachCpu;
        // The root file system, where it is a tmpfs, may fill half of what memory is left once the tables are made, and the initrd is still
        // there then.
        var isTmpfs = traits.HasTmpfs
            && !options.CommandLine.Contains("root=", StringComparison.Ordinal)
            && !options.CommandLine.Contains("rootfstype=", StringComparison.Ordinal);
        return early + (isTmpfs ? Math.Max(running, 2 * unpacked) : running);
    }

    private readonly record struct Traits(bool IsLinux, bool IsSparse, bool HasPageExtension, bool HasFence, bool HasTmpfs);

    private static ulong Maps(ulong memory) => (memory + SectionSize - 1) / SectionSize * SectionMap;

    private static Traits Look(KernelImage kernel)
    {
        const int piece = 1 << 20, overlap = 64;
        using var file = ByteSource.OpenFile(kernel.Path, "kernel");
        var buffer = new byte[piece + overlap];
        var traits = default(Traits);
        foreach (var s in kernel.Segments)
        {
            for (ulong at = 0; at < s.FileSize; at += piece)
            {
                var n = file.Read(s.FileOffset + (long)at, buffer.AsSpan(0, (int)Math.Min((ulong)buffer.Length, s.FileSize - at)));
                ReadOnlySpan<byte> text = buffer.AsSpan(0, n);
                traits = new Traits(
                    traits.IsLinux || text.IndexOf(Linux) >= 0,
                    traits.IsSparse || text.IndexOf(Sparse) >= 0,
                    traits.HasPageExtension || text.IndexOf(PageExtension) >= 0,
                    traits.HasFence || text.IndexOf(Fence) >= 0,
                    traits.HasTmpfs || text.IndexOf(Tmpfs) >= 0);
            }
        }
        return traits;
    }

    /// <summary>About what an initrd takes once it is unpacked: by a gzip file's last word, its content's size.</summary>
    private static ulong Estimate(string? path, ulong size)
    {
        if (path is null)
            return 0;
        using var file = ByteSource.OpenFile(path, "initrd");
        Span<byte> word = stackalloc byte[4];
        if (!IsGzip(file) || size < 18 || file.Read((long)size - 4, word) != 4)
            return size;
        return Math.Max(size, BitConverter.ToUInt32(word));
    }

    /// <summary>
    /// The least that an initrd takes once it is unpacked. Compressors other than gzip are not known here, and make nothing larger.
    /// </summary>
    private static ulong Unpacked(string path, ulong size)
    {
        using (var file = ByteSource.OpenFile(path, "initrd"))
        {
            if (!IsGzip(file))
                return size;
        }
        ulong unpacked = 0;
        try
        {
            using var content = new GZipStream(File.OpenRead(path), CompressionMode.Decompress);
            var buffer = new byte[1 << 16];
            for (int n; (n = content.Read(buffer)) > 0;)
                unpacked += (ulong)n;
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            // A damaged end is for the kernel to judge; what came before it is unpacked all the same.
        }
        return Math.Max(unpacked, size);
    }

    private static bool IsGzip(ByteSource file)
    {
        Span<byte> head = stackalloc byte[3];
        return file.Read(0, head) == 3 && GzipKernelCache.IsGzip(head);
    }
}
