using System.Buffers.Binary;
using System.IO.Compression;

namespace Warren.Machines.Tests;

/// <summary>Kernels made up byte by byte, in each format that is read.</summary>
internal static class KernelFiles
{
    internal static byte[] FlatImage(int length = 8192, ulong textOffset = 0x20_0000, ulong? imageSize = null, ulong flags = 0)
    {
        var image = new byte[length];
        "MZ"u8.CopyTo(image);
        BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(8), textOffset);
        BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(16), imageSize ?? Math.Max(0x10_000, (ulong)length));
        BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(24), flags);
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(32), 2);
        "RISCV\0\0\0"u8.CopyTo(image.AsSpan(48));
        "RSC\u0005"u8.CopyTo(image.AsSpan(56));
        for (var i = 64; i < length; i++)
            image[i] = (byte)(i * 7);
        return image;
    }

    internal static byte[] Elf(ushort machine = 243, ushort type = 2, ulong entry = 0xffff_ffff_8000_0010,
        params (ulong Virtual, ulong Physical, byte[] Data, ulong MemorySize)[] segments)
    {
        if (segments.Length == 0)
            segments = [(0xffff_ffff_8000_0000, 0x8000_0000, new byte[100], 4096)];
        var file = new MemoryStream();
        file.Write(new byte[64 + 56 * segments.Length]);
        var header = new byte[64];
        "\u007fELF"u8.CopyTo(header);
        header[4] = 2;
        header[5] = 1;
        header[6] = 1;
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(16), type);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(18), machine);
        BinaryPrimitives.WriteUInt64LittleEndian(header.AsSpan(24), entry);
        BinaryPrimitives.WriteUInt64LittleEndian(header.AsSpan(32), 64);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(54), 56);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(56), (ushort)segments.Length);
        var table = new byte[56 * segments.Length];
        for (var i = 0; i < segments.Length; i++)
        {
            var p = table.AsSpan(i * 56);
            BinaryPrimitives.WriteUInt32LittleEndian(p, 1);
            BinaryPrimitives.WriteUInt64LittleEndian(p[8..], (ulong)file.Length);
            BinaryPrimitives.WriteUInt64LittleEndian(p[16..], segments[i].Virtual);
            BinaryPrimitives.WriteUInt64LittleEndian(p[24..], segments[i].Physical);
            BinaryPrimitives.WriteUInt64LittleEndian(p[32..], (ulong)segments[i].Data.Length);
            BinaryPrimitives.WriteUInt64LittleEndian(p[40..], segments[i].MemorySize);
            file.Position = file.Length;
            file.Write(segments[i].Data);
        }
        file.Position = 0;
        file.Write(header);
        file.Write(table);
        return file.ToArray();
    }

    /// <summary>As Linux's with an EFI stub: a boot header, a PE header behind it, and two sections that the file ends with.</summary>
    internal static byte[] EfiImage(int length = 8192, int peOffset = 64)
    {
        var image = FlatImage(length, imageSize: (ulong)length + 5000);
        var pe = image.AsSpan(peOffset);
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(60), (uint)peOffset);
        pe[..(24 + 160 + 80)].Clear();
        "PE\0\0"u8.CopyTo(pe);
        BinaryPrimitives.WriteUInt16LittleEndian(pe[4..], 0x5064);
        BinaryPrimitives.WriteUInt16LittleEndian(pe[6..], 2);
        BinaryPrimitives.WriteUInt16LittleEndian(pe[20..], 160);
        Section(pe[(24 + 160)..], 0x1000, 0x800);
        Section(pe[(24 + 160 + 40)..], 0x1800, length - 0x1800);
        return image;

        static void Section(Span<byte> header, int offset, int size)
        {
            BinaryPrimitives.WriteInt32LittleEndian(header[16..], size);
            BinaryPrimitives.WriteInt32LittleEndian(header[20..], offset);
        }
    }

    internal static byte[] Gzip(byte[] content)
    {
        var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
            gzip.Write(content);
        return packed.ToArray();
    }
}
