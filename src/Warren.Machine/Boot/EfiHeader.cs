using System.Buffers.Binary;

namespace Warren.Machines.Boot;

/// <summary>
/// The PE header (Microsoft's PE format specification) that a kernel with an EFI stub carries beside its boot header. Its section table
/// says how much of the image the file holds, to the byte; the boot header's size counts .bss too.
/// </summary>
internal static class EfiHeader
{
    private const int OffsetAt = 0x3c;
    private const int CoffSize = 24;
    private const int SectionSize = 40;

    /// <summary>The least length, in bytes, of the complete file; null when it has no PE header.</summary>
    public static ulong? FileLength(ByteSource file, ReadOnlySpan<byte> head)
    {
        if (!head.StartsWith("MZ"u8))
            return null;
        var at = BinaryPrimitives.ReadUInt32LittleEndian(head[OffsetAt..]);
        if (at == 0)
            return null;
        if (file.ReadExactly(at, CoffSize) is not { } coff)
            return at + (ulong)CoffSize;
        if (!coff.AsSpan().StartsWith("PE\0\0"u8))
            return null;
        int sections = BinaryPrimitives.ReadUInt16LittleEndian(coff.AsSpan(6));
        var table = at + CoffSize + (long)BinaryPrimitives.ReadUInt16LittleEndian(coff.AsSpan(20));
        var length = (ulong)table + (ulong)(sections * SectionSize);
        if (file.ReadExactly(table, sections * SectionSize) is not { } headers)
            return length;
        for (var i = 0; i < sections; i++)
        {
            ReadOnlySpan<byte> section = headers.AsSpan(i * SectionSize);
            var size = BinaryPrimitives.ReadUInt32LittleEndian(section[16..]);
            var offset = BinaryPrimitives.ReadUInt32LittleEndian(section[20..]);
            if (size > 0)
                length = Math.Max(length, (ulong)offset + size);
        }
        return length;
    }
}
