using System.Text;
using System.Threading;
using Warren.Images.Archive;
using Warren.Images.Packages;

namespace Warren.Images.Tests;

public sealed class StanzaTests
{
    [Fact]
    public void Splits_at_blank_lines_whatever_the_size_of_a_read()
    {
        var text = "\n\nA: 1\nB: two\n words\n\n\n\nC:3\r\n# comment\r\nd : x\r\n\r\nE: last";
        foreach (var size in (int[])[1, 2, 3, 7, 1000])
        {
            List<Stanza> stanzas = [];
            StanzaReader reader = new(new SmallReads(Encoding.UTF8.GetBytes(text), size), 1000);
            while (reader.Read() is { } stanza)
                stanzas.Add(stanza);
            Assert.Equal(3, stanzas.Count);
            Assert.Equal("1", stanzas[0]["a"]);
            Assert.Equal("two\nwords", stanzas[0]["B"]);
            Assert.Equal(["two", "words"], stanzas[0].Words("B"));
            Assert.Equal("3", stanzas[1]["C"]);
            Assert.Equal("last", stanzas[2]["E"]);
            Assert.Null(stanzas[2]["A"]);
        }
    }

    [Fact]
    public void Refuses_an_endless_paragraph()
    {
        var text = Encoding.UTF8.GetBytes("A: " + new string('x', 5000));
        Assert.Throws<ImageException>(() => new StanzaReader(new MemoryStream(text), 1000).Read());
        Assert.Throws<ImageException>(() => new StanzaReader(new SmallReads(text, 10), 1000).Read());
    }

    [Fact]
    public void Finds_the_newest_version_and_the_kernel_that_the_metapackage_names()
    {
        string hash = new('c', 64);
        var text = string.Join('\n',
            $"Package: linux-image-6.12.9-riscv64\nVersion: 6.12.9-2\nFilename: pool/b.deb\nSize: 5\nSHA256: {hash}\n",
            $"Package: linux-image-6.12.9-riscv64\nVersion: 6.12.9-10\nFilename: pool/c.deb\nSize: 5\nSHA256: {hash}\n",
            $"Package: linux-image-6.12.9-riscv64-dbg\nVersion: 6.12.9-2\nFilename: pool/d.deb\nSize: 5\nSHA256: {hash}\n",
            "Package: hello\nVersion: broken\n",
            $"Package: linux-image-riscv64\nVersion: 1\nFilename: pool/a.deb\nSize: 5\nSHA256: {hash}\nDepends: linux-image-generic | x, "
                + $"linux-image-6.12.9-riscv64 (= 6.12.9-2) [riscv64] | y\n");
        var index = PackageIndex.Read(new SmallReads(Encoding.UTF8.GetBytes(text), 100), ["linux-image-"], CancellationToken.None);
        Assert.Equal("pool/c.deb", Assert.Single(index.ResolveKernel("linux-image-riscv64", "riscv64")).Path);
        Assert.Null(index.Find("hello"));
        Assert.Equal(ImageError.NotFound, Assert.Throws<ImageException>(() => index.ResolveKernel("linux-image-amd64", "amd64")).Error);
    }

    [Theory]
    [InlineData("Size: 5", "Size: -5")]
    [InlineData("Size: 5", "Size: 99999999999999")]
    [InlineData("Size: 5", "Size: x")]
    [InlineData("SHA256: c", "SHA256: C")]
    [InlineData("SHA256: c", "SHA256: ")]
    [InlineData("Filename: pool/c.deb", "Filename: http://evil.example/c.deb")]
    [InlineData("Filename: pool/c.deb", "Filename: pool/../../c.deb")]
    [InlineData("Filename: pool/c.deb", "Name: pool/c.deb")]
    [InlineData("Version: 1", "Version:")]
    public void Refuses_a_malformed_entry(string good, string bad)
    {
        var text = $"Package: busybox-static\nVersion: 1\nFilename: pool/c.deb\nSize: 5\nSHA256: {new string('c', 64)}\n";
        Assert.Equal("pool/c.deb", Read(text).Require("busybox-static").Path);
        Assert.Equal(ImageError.Corrupt,
            Assert.Throws<ImageException>(() => Read(text.Replace(good, bad, StringComparison.Ordinal))).Error);

        static PackageIndex Read(string text) =>
            PackageIndex.Read(new MemoryStream(Encoding.UTF8.GetBytes(text)), ["busybox"], CancellationToken.None);
    }

    [Theory]
    [InlineData("boot/x", true)]
    [InlineData("pool/main/b/busybox/busybox-static_1.37.0-6+b9_riscv64.deb", true)]
    [InlineData("a~b:c%3a", true)]
    [InlineData("", false)]
    [InlineData("/a", false)]
    [InlineData("a//b", false)]
    [InlineData("a/../b", false)]
    [InlineData("a/.hidden", false)]
    [InlineData("a b", false)]
    [InlineData("a?b", false)]
    [InlineData("a\\b", false)]
    public void Tells_safe_paths(string path, bool safe) => Assert.Equal(safe, RelativePath.IsSafe(path));

    /// <summary>Gives out at most so many bytes a read.</summary>
    internal sealed class SmallReads(byte[] data, int size) : MemoryStream(data)
    {
        public override int Read(Span<byte> buffer) => base.Read(buffer[..Math.Min(size, buffer.Length)]);

        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(size, count));
    }
}
