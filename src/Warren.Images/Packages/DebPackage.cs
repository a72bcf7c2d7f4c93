using System.IO.Compression;
using System.Threading;
using Warren.Images.Compression;

namespace Warren.Images.Packages;

/// <summary>A file to be taken from a package.</summary>
/// <param name="Matches">Whether a path inside the package ("boot/vmlinux-6.12") is it. The first match counts.</param>
/// <param name="MaxSize">Largest size accepted, in bytes.</param>
/// <param name="Open">Makes the stream that receives the content; disposed when complete.</param>
internal sealed record DebWanted(string What, Func<string, bool> Matches, long MaxSize, Func<Stream> Open);

/// <summary>Reads a Debian binary package (deb(5), format 2.x): the control fields and chosen files of its data archive.</summary>
internal static class DebPackage
{
    private const int MaxControlSize = 1 << 20;

    /// <summary>
    /// Checks the control fields, writes each wanted file to its stream, and stops reading as soon as all are found.
    /// </summary>
    /// <param name="deb">The package, from its start; left open.</param>
    /// <param name="checkControl">Receives the control fields before anything is written; throws to refuse the package.</param>
    /// <exception cref="ImageException">Malformed, cut short, of an unknown compression, or a wanted file is not in it.</exception>
    public static void Extract(Stream deb, Action<Stanza> checkControl, IReadOnlyList<DebWanted> wanted, CancellationToken cancellation)
    {
        ArReader ar = new(deb);
        if (!ar.MoveNext(out var name, out var content) || name != "debian-binary")
            throw ImageException.Corrupt("the file is not a Debian package (no debian-binary member); fetch it again");
        CheckFormatVersion(content);
        var controlSeen = false;
        while (ar.MoveNext(out name, out content))
        {
            if (!controlSeen && IsTar(name, "control.tar"))
            {
                using var tar = Decompress(name, content);
                checkControl(ReadControl(tar));
                controlSeen = true;
            }
            else if (IsTar(name, "data.tar"))
            {
                if (!controlSeen)
                    break;
                using var tar = Decompress(name, content);
                ExtractFiles(tar, wanted, cancellation);
                return;
            }
        }
        throw ImageException.Corrupt("the Debian package lacks its control or its data archive; fetch it again");
    }

    private static bool IsTar(string member, string stem) => member == stem || member.StartsWith(stem + ".", StringComparison.Ordinal);

    private static void CheckFormatVersion(Stream content)
    {
        var text = new byte[16];
        var length = content.ReadAtLeast(text, text.Length, throwOnEndOfStream: false);
        if (!text.AsSpan(0, length).StartsWith("2."u8))
            throw new ImageException(ImageError.Unsupported, "the Debian package is not of format 2, which is the one that Warren reads");
    }

    /// <summary>The tar inside a member, by the member's suffix. The member stays open.</summary>
    private static Stream Decompress(string member, Stream content)
    {
        var suffix = member[(member.IndexOf(".tar", StringComparison.Ordinal) + 4)..];
        return suffix switch
        {
            "" => content,
            ".gz" => new GZipStream(content, CompressionMode.Decompress, leaveOpen: true),
            ".xz" => new XzStream(content),
            _ => throw new ImageException(ImageError.Unsupported,
                $"the Debian package is packed as {suffix.TrimStart('.')}, and Warren unpacks only xz, gzip and plain tar"),
        };
    }

    private static Stanza ReadControl(Stream tar)
    {
        try
        {
            TarWalker walker = new(tar);
            while (walker.MoveNext(out var name, out var content))
            {
                if (name != "control")
                    continue;
                if (content.Length > MaxControlSize)
                    break;
                var bytes = new byte[(int)content.Length];
                content.ReadExactly(bytes);
                return new StanzaReader(new MemoryStream(bytes), MaxControlSize).Read()
                    ?? throw ImageException.Corrupt("the Debian package has an empty control file; fetch it again");
            }
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
        {
            throw Damaged(e);
        }
        throw ImageException.Corrupt("the Debian package has no usable control file; fetch it again");
    }

    private static void ExtractFiles(Stream tar, IReadOnlyList<DebWanted> wanted, CancellationToken cancellation)
    {
        List<DebWanted> missing = [.. wanted];
        TarWalker walker = new(tar);
        var buffer = new byte[1 << 17];
        while (missing.Count > 0 && Next(walker, out var name, out var content))
        {
            cancellation.ThrowIfCancellationRequested();
            var index = missing.FindIndex(w => w.Matches(name));
            if (index < 0)
                continue;
            var want = missing[index];
            if (content.Length > want.MaxSize)
            {
                throw ImageException.Corrupt(
                    $"the {want.What} in the Debian package is larger than {want.MaxSize >> 20} MiB, which cannot be right");
            }
            using var output = want.Open();
            int count;
            while ((count = Read(content, buffer)) > 0)
            {
                cancellation.ThrowIfCancellationRequested();
                output.Write(buffer, 0, count);
            }
            missing.RemoveAt(index);
        }
        if (missing.Count > 0)
        {
            throw new ImageException(ImageError.NotFound,
                $"the Debian package does not contain the {missing[0].What}; try another mirror with --mirror");
        }
    }

    // Only reading is guarded: an exception of the output stream is not the package's fault.
    private static bool Next(TarWalker walker, out string name, out Stream content)
    {
        try
        {
            return walker.MoveNext(out name, out content);
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
        {
            throw Damaged(e);
        }
    }

    private static int Read(Stream content, byte[] buffer)
    {
        try
        {
            return content.Read(buffer);
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
        {
            throw Damaged(e);
        }
    }

    private static ImageException Damaged(Exception e) => new(ImageError.Corrupt,
        "the Debian package is damaged (bad compressed data); fetch it again", e);
}
