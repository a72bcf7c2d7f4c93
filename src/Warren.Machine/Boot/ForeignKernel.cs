using System.Buffers.Binary;

namespace Warren.Machines.Boot;

/// <summary>Recognises what people mistake for a RISC-V kernel, so that the error can say what the file is.</summary>
internal static class ForeignKernel
{
    private const ushort PeMachineRiscv64 = 0x5064;

    /// <summary>A clause that completes "The kernel 'x' …", or null when the bytes are not known.</summary>
    public static string? Describe(ReadOnlySpan<byte> head)
    {
        if (At(head, 0x38, "ARM\u0064"u8))
            return "is for another machine (arm64 Image); take the one built for riscv64.";
        if (At(head, 0x202, "HdrS"u8) && At(head, 0x1fe, [0x55, 0xaa]))
            return "is for another machine (x86 bzImage); take the one built for riscv64.";
        if (At(head, 0x24, [0x18, 0x28, 0x6f, 0x01]))
            return "is for another machine (32-bit ARM zImage); take the one built for riscv64.";
        if (At(head, 4, "zimg"u8))
        {
            return "is an EFI zboot image (vmlinuz.efi), which unpacks itself only under EFI firmware; take the flat 'Image' or "
                + "'Image.gz' of the same build.";
        }
        if (head.StartsWith("MZ"u8))
            return PortableExecutable(head);
        if (head.StartsWith("070701"u8) || head.StartsWith("070702"u8))
            return "is an initramfs (cpio archive), not a kernel; pass it as the initrd.";
        if (head.StartsWith("!<arch>\ndebian"u8))
            return "is a Debian package, not a kernel; take the file boot/vmlinux-* or usr/lib/modules/*/vmlinuz out of it.";
        return Compressor(head) is { } name ? $"is compressed with {name}; decompress it first (only gzip is taken as it is)." : null;
    }

    /// <summary>The usual name of an ELF machine number, as far as kernels are built for it.</summary>
    public static string ElfMachine(ushort machine) => machine switch
    {
        3 => "x86 (32 bits)",
        8 => "MIPS",
        20 => "PowerPC",
        21 => "64-bit PowerPC",
        22 => "S/390",
        40 => "32-bit ARM",
        43 => "SPARC",
        62 => "x86-64",
        183 => "arm64",
        258 => "LoongArch",
        _ => $"ELF machine number {machine}",
    };

    private static string PortableExecutable(ReadOnlySpan<byte> head)
    {
        const string flat = "is an EFI program without a RISC-V boot header; take the flat 'Image' of a riscv64 kernel.";
        if (head.Length < 0x40)
            return flat;
        var pe = BinaryPrimitives.ReadUInt32LittleEndian(head[0x3c..]);
        if (pe > (uint)head.Length - 6 || !head[(int)pe..].StartsWith("PE\0\0"u8))
            return flat;
        var machine = BinaryPrimitives.ReadUInt16LittleEndian(head[((int)pe + 4)..]);
        return machine switch
        {
            PeMachineRiscv64 => flat,
            0x8664 => "is for another machine (EFI program for x86-64); take the kernel built for riscv64.",
            0xaa64 => "is for another machine (EFI program for arm64); take the kernel built for riscv64.",
            _ => $"is for another machine (EFI program, machine 0x{machine:x}); take the kernel built for riscv64.",
        };
    }

    private static string? Compressor(ReadOnlySpan<byte> head)
    {
        if (head.StartsWith((ReadOnlySpan<byte>)[0xfd, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0]))
            return "xz";
        if (head.StartsWith((ReadOnlySpan<byte>)[0x28, 0xb5, 0x2f, 0xfd]))
            return "zstd";
        if (head.StartsWith("BZh"u8))
            return "bzip2";
        if (head.StartsWith((ReadOnlySpan<byte>)[0x02, 0x21, 0x4c, 0x18]) || head.StartsWith((ReadOnlySpan<byte>)[0x04, 0x22, 0x4d, 0x18]))
            return "lz4";
        if (head.StartsWith((ReadOnlySpan<byte>)[0x89, (byte)'L', (byte)'Z', (byte)'O']))
            return "lzo";
        return head.StartsWith((ReadOnlySpan<byte>)[0x5d, 0, 0]) ? "lzma" : null;
    }

    private static bool At(ReadOnlySpan<byte> head, int offset, ReadOnlySpan<byte> pattern)
        => head.Length >= offset + pattern.Length && head.Slice(offset, pattern.Length).SequenceEqual(pattern);
}
