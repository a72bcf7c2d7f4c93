using System.Buffers;
using System.Buffers.Text;
using System.Text;

namespace Warren.Images.Initramfs;

/// <summary>
/// The "newc" cpio format that Linux unpacks as its initramfs: a header of thirteen hexadecimal fields, the name, the content, each
/// aligned to four bytes. Source: the kernel's Documentation/driver-api/early-userspace/buffer-format.rst.
/// </summary>
public static class CpioArchive
{
    private const int HeaderSize = 110;
    private const int MaxName = 4096;
    private const string Trailer = "TRAILER!!!";

    private static ReadOnlySpan<byte> Magic => "070701"u8;

    /// <summary>Writes the entries in order, all of user and group 0 and of time 0, so that equal entries give equal bytes.</summary>
    public static byte[] Write(IEnumerable<CpioEntry> entries)
    {
        ArrayBufferWriter<byte> output = new(1 << 20);
        uint inode = 1;
        foreach (var entry in entries)
            Append(output, entry, inode++);
        Append(output, new CpioEntry(Trailer, 0, default), 0);
        return output.WrittenSpan.ToArray();
    }

    private static void Append(ArrayBufferWriter<byte> output, CpioEntry entry, uint inode)
    {
        var name = Encoding.UTF8.GetBytes(entry.Path);
        var links = entry.Type == CpioType.Directory ? 2u : 1u;
        output.Write(Magic);
        ReadOnlySpan<uint> fields =
        [
            inode, (uint)entry.Mode, 0, 0, links, 0, (uint)entry.Content.Length,
            0, 0, (uint)entry.DeviceMajor, (uint)entry.DeviceMinor, (uint)name.Length + 1, 0,
        ];
        foreach (var field in fields)
        {
            var digits = output.GetSpan(8);
            Utf8Formatter.TryFormat(field, digits, out var written, new StandardFormat('x', 8));
            output.Advance(written);
        }
        output.Write(name);
        output.Write("\0"u8);
        Align(output);
        output.Write(entry.Content.Span);
        Align(output);
    }

    private static void Align(ArrayBufferWriter<byte> output) => output.Write("\0\0\0"u8[..(-output.WrittenCount & 3)]);

    /// <summary>Reads an archive up to its trailer; contents are slices of <paramref name="archive"/>.</summary>
    /// <exception cref="ImageException">It is not a newc archive, or is cut short.</exception>
    public static IReadOnlyList<CpioEntry> Read(ReadOnlyMemory<byte> archive)
    {
        List<CpioEntry> entries = [];
        var at = 0;
        while (true)
        {
            if (archive.Length - at < HeaderSize)
                throw Truncated();
            var header = archive.Span.Slice(at, HeaderSize);
            if (!header.StartsWith(Magic))
                throw ImageException.Corrupt("the initramfs is not a cpio archive of the newc form");
            var mode = Field(header, 1);
            var size = Field(header, 6);
            var nameSize = Field(header, 11);
            if (nameSize is < 1 or > MaxName)
                throw Malformed();
            var nameStart = at + HeaderSize;
            var contentStart = Aligned((long)nameStart + nameSize);
            if (Aligned(contentStart + size) > archive.Length)
                throw Truncated();
            var name = archive.Span.Slice(nameStart, nameSize);
            if (name[^1] != 0 || name[..^1].Contains((byte)0))
                throw Malformed();
            var path = Encoding.UTF8.GetString(name[..^1]);
            if (path == Trailer)
                return entries;
            entries.Add(new CpioEntry(path, mode, archive.Slice((int)contentStart, size), Field(header, 9), Field(header, 10)));
            at = (int)Aligned(contentStart + size);
        }
    }

    private static int Field(ReadOnlySpan<byte> header, int index)
    {
        var digits = header.Slice(6 + 8 * index, 8);
        return Utf8Parser.TryParse(digits, out uint value, out var used, 'x') && used == 8 && value <= int.MaxValue ? (int)value
            : throw Malformed();
    }

    private static long Aligned(long offset) => (offset + 3) & ~3L;

    private static ImageException Malformed() => ImageException.Corrupt("the initramfs is damaged (bad cpio header)");

    private static ImageException Truncated() => ImageException.Corrupt("the initramfs ends too early (no cpio trailer)");
}
