using System.Buffers.Binary;

namespace Warren.Images.Cache;

/// <summary>Tells by a file's first bytes whether it is what a guest needs, before it enters the cache.</summary>
internal static class GuestFiles
{
    private const int HeadSize = 64;
    private const ushort RiscVMachine = 243;

    /// <exception cref="ImageException">It is not.</exception>
    public static void Check(ImageKind kind, string path)
    {
        Span<byte> head = stackalloc byte[HeadSize];
        using (var file = File.OpenRead(path))
            head = head[..file.ReadAtLeast(head, HeadSize, throwOnEndOfStream: false)];
        if (kind == ImageKind.Kernel && !IsKernelImage(head))
            throw ImageException.Corrupt("the kernel in the Debian package is not a flat RISC-V Image; try another mirror with --mirror");
        if (kind == ImageKind.Busybox && !IsRiscVElf(head))
        {
            throw ImageException.Corrupt(
                "the busybox in the Debian package is not a 64-bit RISC-V executable; try another mirror with --mirror");
        }
    }

    // The second magic number of the kernel's Documentation/arch/riscv/boot-image-header.rst, at byte 56.
    private static bool IsKernelImage(ReadOnlySpan<byte> head) => head.Length == HeadSize && head[56..60].SequenceEqual("RSC\x05"u8);

    private static bool IsRiscVElf(ReadOnlySpan<byte> head) =>
        head.Length == HeadSize
        && head[..6].SequenceEqual("\x7F\u0045LF\x02\x01"u8)
        && BinaryPrimitives.ReadUInt16LittleEndian(head[18..]) == RiscVMachine;
}
