using System.IO.Compression;

namespace Warren.Machines.Boot;

/// <summary>
/// Decompresses a gzip file (RFC 1952: one member, or several) and notices when it is not whole. <see cref="GZipStream"/> checks each
/// member's CRC and length, but takes a file that ends within a member for complete, and ignores what follows the last. So the file is
/// read with one more member behind it, a seal: its content comes out last exactly if what stands before it are whole members and nothing
/// else.
/// </summary>
internal static class GzipFile
{
    private static readonly byte[] Seal = [.. "Warren reads to the end: "u8, 0x9d, 0x01, 0xe4, 0x5b, 0xc7, 0x38, 0xf2, 0x6a];
    private static readonly byte[] SealMember = MakeSeal();

    /// <summary>False when there is more than <paramref name="limit"/> bytes.</summary>
    /// <exception cref="InvalidDataException">The file is damaged, cut short, or has something behind its end.</exception>
    public static bool TryDecompress(string path, FileStream target, long limit)
    {
        using var gzip = new GZipStream(new SealedFile(File.OpenRead(path)), CompressionMode.Decompress);
        var buffer = new byte[1 << 16];
        var last = new byte[Seal.Length];
        long length = 0;
        int n;
        while ((n = gzip.Read(buffer)) > 0)
        {
            length += n;
            if (length > limit + Seal.Length)
                return false;
            target.Write(buffer, 0, n);
            KeepLast(last, buffer.AsSpan(0, n));
        }
        if (!last.AsSpan().SequenceEqual(Seal))
            throw new InvalidDataException("The file does not end where a gzip member ends.");
        target.SetLength(length - Seal.Length);
        return true;
    }

    private static void KeepLast(Span<byte> last, ReadOnlySpan<byte> more)
    {
        var fresh = Math.Min(last.Length, more.Length);
        last[fresh..].CopyTo(last);
        more[^fresh..].CopyTo(last[^fresh..]);
    }

    private static byte[] MakeSeal()
    {
        var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
            gzip.Write(Seal);
        return packed.ToArray();
    }

    /// <summary>A file, and the seal behind it.</summary>
    private sealed class SealedFile(FileStream file) : Stream
    {
        private int _sealRead;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(Span<byte> buffer)
        {
            var n = _sealRead == 0 ? file.Read(buffer) : 0;
            if (n > 0)
                return n;
            n = Math.Min(buffer.Length, SealMember.Length - _sealRead);
            SealMember.AsSpan(_sealRead, n).CopyTo(buffer);
            _sealRead += n;
            return n;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                file.Dispose();
            base.Dispose(disposing);
        }
    }
}
