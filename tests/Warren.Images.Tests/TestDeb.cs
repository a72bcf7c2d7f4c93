using System.Formats.Tar;
using System.IO.Compression;
using System.Text;

namespace Warren.Images.Tests;

/// <summary>Builds Debian packages with .NET's own tar writer, which knows nothing of the reader under test.</summary>
internal static class TestDeb
{
    public static byte[] Build(
        string package, string version, IEnumerable<(string Name, byte[] Content)> files,
        string compression = ".gz", string architecture = "riscv64", TarEntryFormat format = TarEntryFormat.Gnu)
    {
        var control =
            Encoding.UTF8.GetBytes($"Package: {package}\nVersion: {version}\nArchitecture: {architecture}\nDescription: made by a test\n");
        return Ar(
            ("debian-binary", "2.0\n"u8.ToArray()),
            ("control.tar" + compression, Compress(Tar([("./md5sums", [1, 2]), ("./control", control)], format), compression)),
            ("data.tar" + compression, Compress(Tar(files, format), compression)));
    }

    public static byte[] Tar(IEnumerable<(string Name, byte[] Content)> files, TarEntryFormat format = TarEntryFormat.Gnu)
    {
        using MemoryStream stream = new();
        using (TarWriter writer = new(stream, format, leaveOpen: true))
        {
            foreach ((var name, var content) in files)
            {
                var directory = name.EndsWith('/');
                var type = directory ? TarEntryType.Directory : format == TarEntryFormat.V7 ? TarEntryType.V7RegularFile
                    : TarEntryType.RegularFile;
                TarEntry entry = format switch
                {
                    TarEntryFormat.V7 => new V7TarEntry(type, name),
                    TarEntryFormat.Ustar => new UstarTarEntry(type, name),
                    TarEntryFormat.Pax => new PaxTarEntry(type, name),
                    _ => new GnuTarEntry(type, name),
                };
                if (!directory)
                    entry.DataStream = new MemoryStream(content);
                writer.WriteEntry(entry);
            }
        }
        return stream.ToArray();
    }

    public static byte[] Ar(params (string Name, byte[] Content)[] members)
    {
        using MemoryStream stream = new();
        stream.Write("!<arch>\n"u8);
        foreach ((var name, var content) in members)
        {
            stream.Write(Encoding.ASCII.GetBytes($"{name,-16}{0,-12}{0,-6}{0,-6}{"100644",-8}{content.Length,-10}`\n"));
            stream.Write(content);
            if (content.Length % 2 != 0)
                stream.WriteByte((byte)'\n');
        }
        return stream.ToArray();
    }

    public static byte[] Compress(byte[] data, string compression)
    {
        switch (compression)
        {
            case "":
                return data;
            case ".gz":
                using (MemoryStream packed = new())
                {
                    using (GZipStream gzip = new(packed, CompressionLevel.Fastest))
                        gzip.Write(data);
                    return packed.ToArray();
                }
            case ".xz":
                return Tool.Run("xz", data, "-0", "-c");
            default:
                return data;
        }
    }

    /// <summary>Bytes that pass for a kernel Image, with noise behind the header.</summary>
    public static byte[] Kernel(int seed, int length = 300_000)
    {
        var image = SampleData.Mixed(seed, length);
        "MZ"u8.CopyTo(image);
        "RISCV\0\0\0RSC\x05"u8.CopyTo(image.AsSpan(48));
        return image;
    }

    /// <summary>Bytes that pass for a 64-bit RISC-V executable.</summary>
    public static byte[] Executable(int seed, int length = 50_000)
    {
        var elf = SampleData.Mixed(seed, length);
        ((ReadOnlySpan<byte>)[0x7F, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1, 0]).CopyTo(elf);
        elf[18] = 243;
        elf[19] = 0;
        return elf;
    }
}
