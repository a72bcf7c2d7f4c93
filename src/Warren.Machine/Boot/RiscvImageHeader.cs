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

    /// <summary>
    /// True when <paramref name="head"/> carries either magic. The first is deprecated, the second younger than some kernels.
    /// </summary>
    public static bool IsPresent(ReadOnlySpan<byte> head)
        => head.Length >= Size && (head[Magic2At..].StartsWith(Magic2) || head[MagicAt..].StartsWith(Magic));

    /// <summary>
    /// Where the header's first jump leads, from the image's start: the header begins with two instruction words, which a kernel with an
    /// EFI stub begins with C.LI, as its encoding reads "MZ". Null when there is neither a JAL nor a C.J among them.
    /// </summary>
    public static long? FirstJump(ReadOnlySpan<byte> head)
    {
        var at = 0;
        while (at < TextOffsetAt)
        {
            var bits = BinaryPrimitives.ReadUInt32LittleEndian(head[at..]);
            if ((bits & 0x7f) == 0x6f)
                return at + JumpOffset(bits);
            if ((bits & 0xe003) == 0xa001)
                return at + CompressedJumpOffset(bits);
            at += (bits & 3) == 3 ? 4 : 2;
        }
        return null;
    }

    /// <summary>imm[20|10:1|11|19:12] of a JAL.</summary>
    private static int JumpOffset(uint bits)
        => ((int)bits >> 31 << 20) | (int)(bits & 0xff000) | (int)(bits >> 9 & 0x800) | (int)(bits >> 20 & 0x7fe);

    /// <summary>imm[11|4|9:8|10|6|7|3:1|5] of a C.J.</summary>
    private static int CompressedJumpOffset(uint bits)
        => ((int)bits << 19 >> 31 << 11) | (int)(bits >> 7 & 0x10) | (int)(bits >> 1 & 0x300) | (int)(bits << 2 & 0x400)
            | (int)(bits >> 1 & 0x40) | (int)(bits << 1 & 0x80) | (int)(bits >> 2 & 0xe) | (int)(bits << 3 & 0x20);

    public static RiscvImageHeader Parse(ReadOnlySpan<byte> head) => new(
        BinaryPrimitives.ReadUInt64LittleEndian(head[TextOffsetAt..]),
        BinaryPrimitives.ReadUInt64LittleEndian(head[ImageSizeAt..]),
        BinaryPrimitives.ReadUInt64LittleEndian(head[FlagsAt..]),
        BinaryPrimitives.ReadUInt32LittleEndian(head[VersionAt..]));
}
