using System.Buffers.Binary;

namespace Warren.Machines.Boot;

/// <summary>
/// The 64-byte header of a flat RISC-V kernel (Documentation/arch/riscv/boot-image-header.rst): all fields little-endian.
/// </summary>
internal readonly record struct RiscvImageHeader(ulong TextOffset, ulong ImageSize, ulong Flags, uint Version)
{
    public const int Size = 64;
    private const int TextOffsetAt = 8;
    private const int ImageSizeAt = 16;
    private const int FlagsAt = 24;
    private const int VersionAt = 32;
    private const int MagicAt = 48;
    private const int Magic2At = 56;

    private static ReadOnlySpan<byte> Magic => "RISCV\0\0\0"u8;

    private static ReadOnlySpan<byte> Magic2 => "RSC\u0005"u8;

    public bool IsBigEndian => (Flags & 1) != 0;

    /// <summary>True when <paramref name="head"/> carries either magic. The first is deprecated, the second younger than some kernels.</summary>
    public static bool IsPresent(ReadOnlySpan<byte> head)
        => head.Length >= Size && (head[Magic2At..].StartsWith(Magic2) || head[MagicAt..].StartsWith(Magic));

    public static RiscvImageHeader Parse(ReadOnlySpan<byte> head) => new(
        BinaryPrimitives.ReadUInt64LittleEndian(head[TextOffsetAt..]),
        BinaryPrimitives.ReadUInt64LittleEndian(head[ImageSizeAt..]),
        BinaryPrimitives.ReadUInt64LittleEndian(head[FlagsAt..]),
        BinaryPrimitives.ReadUInt32LittleEndian(head[VersionAt..]));
}
