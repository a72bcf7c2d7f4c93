namespace Warren.Machines.Boot;

/// <summary>Opens a kernel file of any supported form.</summary>
public static class KernelFile
{
    /// <summary>Bytes looked at to tell what a file is: enough for every header recognised.</summary>
    private const int HeadSize = 4096;

    private const ulong OffsetMask = 0xfff;

    /// <summary>
    /// Reads the headers of <paramref name="path"/>: a flat RISC-V <c>Image</c>, the same compressed with gzip, or an ELF64 executable.
    /// A flat image goes to <paramref name="ramBase"/> plus its text offset. Throws <see cref="MachineConfigurationException"/>, one
    /// sentence, for everything else.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="ramBase">Guest physical address of the first byte of memory.</param>
    /// <param name="cacheDirectory">Where a decompressed copy is kept; null for the user's cache directory.</param>
    public static KernelImage Open(string path, ulong ramBase, string? cacheDirectory = null)
    {
        using var file = ByteSource.OpenFile(path, "kernel");
        try
        {
            Span<byte> head = stackalloc byte[3];
            if (file.Read(0, head) == 3 && GzipKernelCache.IsGzip(head))
            {
                var unpacked = GzipKernelCache.Decompress(
                    path, cacheDirectory ?? GzipKernelCache.DefaultDirectory, copy => ParseFile(copy, path, ramBase));
                return ParseFile(unpacked, path, ramBase) with { Path = unpacked };
            }
            return Parse(file, path, ramBase);
        }
        catch (IOException e)
        {
            throw new MachineConfigurationException($"The kernel '{path}' cannot be read: {e.Message.TrimEnd('.')}.", e);
        }
    }

    private static KernelImage ParseFile(string unpacked, string path, ulong ramBase)
    {
        using var file = ByteSource.OpenFile(unpacked, "kernel");
        return Parse(file, path, ramBase);
    }

    /// <summary>As <see cref="Open"/>, of bytes already uncompressed; <paramref name="path"/> is what errors call them.</summary>
    internal static KernelImage Parse(ByteSource file, string path, ulong ramBase)
    {
        var head = new byte[(int)Math.Min(HeadSize, file.Length)];
        var got = file.Read(0, head);
        ReadOnlySpan<byte> bytes = head.AsSpan(0, got);
        if (ElfKernel.IsPresent(bytes))
            return ElfKernel.Parse(file, path);
        if (RiscvImageHeader.IsPresent(bytes))
        {
            RefuseCut(file, bytes, path);
            return FlatImage(RiscvImageHeader.Parse(bytes), (ulong)file.Length, path, ramBase);
        }
        if ((ForeignKernel.Describe(bytes) ?? MachineModeFirmware.Describe(file)) is { } what)
            throw new MachineConfigurationException($"The kernel '{path}' {what}");
        throw new MachineConfigurationException(
            $"The file '{path}' is not a kernel: neither a RISC-V Image (plain or gzip) nor an ELF executable for riscv64.");
    }

    /// <summary>
    /// The boot header's image size counts .bss, which no file holds. What a file must hold is exact in the PE header of a kernel with an
    /// EFI stub; of others this much is known, that the header's jump leads to code.
    /// </summary>
    private static void RefuseCut(ByteSource file, ReadOnlySpan<byte> head, string path)
    {
        var needed = EfiHeader.FileLength(file, head) ?? (ulong)Math.Max(0, RiscvImageHeader.FirstJump(head) + 1 ?? 0);
        if ((ulong)file.Length < needed)
        {
            throw new MachineConfigurationException(
                $"The kernel '{path}' is cut short: its header speaks of at least {needed} bytes, and it has {file.Length}; copy it "
                    + $"again.");
        }
    }

    private static KernelImage FlatImage(RiscvImageHeader header, ulong length, string path, ulong ramBase)
    {
        if (header.IsBigEndian)
        {
            throw new MachineConfigurationException(
                $"The kernel '{path}' is big-endian; take one built for ordinary (little-endian) riscv64.");
        }
        if (header.ImageSize > 0 && header.ImageSize < length)
        {
            throw new MachineConfigurationException(
                $"The kernel '{path}' has {length} bytes, and its header says that {header.ImageSize} are all it needs in memory; copy it "
                    + $"again.");
        }
        var size = Math.Max(header.ImageSize, length);
        if ((header.TextOffset & OffsetMask) != 0 || size > 1UL << 40 || header.TextOffset > 1UL << 40)
        {
            throw new MachineConfigurationException(
                $"The kernel '{path}' has an impossible header (text offset 0x{header.TextOffset:x}, image size 0x{header.ImageSize:x}); "
                    + $"copy it again.");
        }
        var address = ramBase + header.TextOffset;
        return new KernelImage(path, path, KernelFormat.Image, address, [new KernelSegment(address, 0, length, size)]);
    }
}
