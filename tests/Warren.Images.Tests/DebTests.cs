using System.Formats.Tar;
using System.Text;
using System.Threading;
using Warren.Images.Packages;

namespace Warren.Images.Tests;

public sealed class DebTests
{
    private const string LongName =
        "./boot/a/rather/deep/path/that/no/classic/tar/header/of/one/hundred/bytes/would/ever/hold/without/an/extension/vmlinux-6.12";

    [SkippableTheory]
    [InlineData("")]
    [InlineData(".gz")]
    [InlineData(".xz")]
    public void Takes_what_is_wanted_from_each_compression(string compression)
    {
        if (compression == ".xz")
            Tool.Require("xz");
        var content = SampleData.Mixed(3, 200_000);
        var deb =
            TestDeb.Build("p", "1",
                [("./", []), ("./skipped", SampleData.Mixed(4, 70_001)), ("./dir/wanted", content), ("./dir/later", [1])], compression);
        Assert.Equal(content, Extract(deb, "dir/wanted"));
    }

    [Theory]
    [InlineData(TarEntryFormat.V7)]
    [InlineData(TarEntryFormat.Ustar)]
    [InlineData(TarEntryFormat.Pax)]
    [InlineData(TarEntryFormat.Gnu)]
    public void Reads_each_tar_format(TarEntryFormat format)
    {
        var content = SampleData.Mixed(5, 1234);
        var name = format is TarEntryFormat.Pax or TarEntryFormat.Gnu ? LongName : "./boot/vmlinux";
        var deb = TestDeb.Build("p", "1", [("./boot/", []), ("./boot/empty", []), (name, content)], "", format: format);
        Assert.Equal(content, Extract(deb, name[2..]));
    }

    [SkippableTheory]
    [InlineData("-Znone")]
    [InlineData("-Zgzip")]
    [InlineData("-Zxz")]
    public void Reads_what_dpkg_deb_makes(string compression)
    {
        Tool.Require("dpkg-deb");
        using TemporaryDirectory directory = new();
        var content = SampleData.Mixed(6, 30_000);
        Assert.Equal(content, Extract(MakeWithDpkg(directory, compression, content), "boot/vmlinux-1"));
    }

    [SkippableFact]
    public void Says_that_it_does_not_unpack_zstd()
    {
        Tool.Require("dpkg-deb");
        using TemporaryDirectory directory = new();
        var e = Assert.Throws<ImageException>(() => Extract(MakeWithDpkg(directory, "-Zzstd", [1, 2, 3]), "boot/vmlinux-1"));
        PullFailureTests.AssertSentence(e, ImageError.Unsupported, "zst", "xz");
    }

    [Fact]
    public void A_path_out_of_the_package_leads_nowhere()
    {
        using TemporaryDirectory directory = new();
        var deb = TestDeb.Build("p", "1", [("../../escape", [1]), ("/absolute", [2]), ("./wanted", [3])], "");
        Assert.Equal([3], Extract(deb, "wanted"));
        Assert.Equal([2], Extract(deb, "absolute"));
        Assert.Equal([1], Extract(deb, "../../escape"));
        Assert.Empty(Directory.GetFiles(directory.Path));
    }

    [Fact]
    public void Names_the_file_that_is_not_there() =>
        PullFailureTests.AssertSentence(
            Assert.Throws<ImageException>(() => Extract(TestDeb.Build("p", "1", [("./other", [1])]), "boot/vmlinux")), ImageError.NotFound,
            "wanted file");

    [Fact]
    public void Refuses_a_file_that_is_too_large() =>
        Assert.Equal(ImageError.Corrupt,
            Assert.Throws<ImageException>(() => Extract(TestDeb.Build("p", "1", [("./x", new byte[2 << 20])]), "x", 1 << 20)).Error);

    [Fact]
    public void Refuses_what_is_no_package()
    {
        var tar = TestDeb.Tar([("./control", "Package: p\n"u8.ToArray())]);
        byte[][] bad =
        [
            [],
            "!<arch>\n"u8.ToArray(),
            "not an archive at all"u8.ToArray(),
            TestDeb.Ar(("control.tar", tar)),
            TestDeb.Ar(("debian-binary", "3.0\n"u8.ToArray()), ("control.tar", tar), ("data.tar", tar)),
            TestDeb.Ar(("debian-binary", "2.0\n"u8.ToArray()), ("data.tar", tar)),
            TestDeb.Ar(("debian-binary", "2.0\n"u8.ToArray()), ("control.tar", tar)),
            TestDeb.Ar(("debian-binary", "2.0\n"u8.ToArray()), ("control.tar", []), ("data.tar", tar)),
            TestDeb.Ar(("debian-binary", "2.0\n"u8.ToArray()), ("control.tar.gz", tar), ("data.tar", tar)),
        ];
        Assert.All(bad, deb => Assert.Throws<ImageException>(() => Extract(deb, "x")));
    }

    [Fact]
    public void Notices_every_truncation()
    {
        var deb = TestDeb.Build("p", "1", [("./wanted", SampleData.Mixed(7, 3000))]);
        var whole = Extract(deb, "wanted");
        for (var length = 0; length < deb.Length; length++)
        {
            // The end of the data's gzip trailer is not needed to have the whole file.
            try
            {
                Assert.Equal(whole, Extract(deb[..length], "wanted"));
                Assert.True(length > deb.Length - 200, $"{length} of {deb.Length}");
            }
            catch (ImageException)
            {
            }
        }
    }

    [Fact]
    public void A_header_cannot_ask_for_memory()
    {
        var tar = TestDeb.Tar([(LongName, [1])]);
        // The first header is GNU's long-name record: claim 8 GiB for it.
        Encoding.ASCII.GetBytes("77777777777\0").CopyTo(tar.AsSpan(124));
        FixChecksum(tar);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<ImageException>(() => new TarWalker(new MemoryStream(tar)).MoveNext(out _, out _));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Theory]
    [InlineData("1.0", "1.0", 0)]
    [InlineData("1.0", "1.1", -1)]
    [InlineData("1.9", "1.10", -1)]
    [InlineData("1:0.1", "9.9", 1)]
    [InlineData("1.0~rc1", "1.0", -1)]
    [InlineData("1.0~~", "1.0~", -1)]
    [InlineData("1.0a", "1.0", 1)]
    [InlineData("1.0a", "1.0+", -1)]
    [InlineData("1.0-1", "1.0-2", -1)]
    [InlineData("1.0", "1.0-0", 0)]
    [InlineData("1.0-1", "1.0-1+b1", -1)]
    [InlineData("6.12.9-1", "6.12.107-1", -1)]
    [InlineData("007", "7", 0)]
    [InlineData("1.2.3-4-5", "1.2.3-4-6", -1)]
    public void Orders_versions_as_Debian_policy_says(string first, string second, int order)
    {
        Assert.Equal(order, Math.Sign(DebianVersion.Order.Compare(first, second)));
        Assert.Equal(-order, Math.Sign(DebianVersion.Order.Compare(second, first)));
    }

    internal static byte[] Extract(byte[] deb, string path, long maxSize = 1 << 26)
    {
        MemoryStream output = new();
        DebPackage.Extract(new MemoryStream(deb), _ => { }, [new DebWanted("wanted file", p => p == path, maxSize, () => output)],
            CancellationToken.None);
        return output.ToArray();
    }

    internal static void FixChecksum(Span<byte> header)
    {
        header.Slice(148, 8).Fill((byte)' ');
        var sum = 0;
        foreach (var b in header[..512])
            sum += b;
        Encoding.ASCII.GetBytes(Convert.ToString(sum, 8).PadLeft(6, '0') + "\0 ").CopyTo(header[148..]);
    }

    private static byte[] MakeWithDpkg(TemporaryDirectory directory, string compression, byte[] content)
    {
        var root = directory.File("root");
        Directory.CreateDirectory(Path.Combine(root, "DEBIAN"));
        Directory.CreateDirectory(Path.Combine(root, "boot"));
        File.WriteAllText(Path.Combine(root, "DEBIAN", "control"),
            "Package: p\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b.example>\nDescription: d\n");
        File.WriteAllBytes(Path.Combine(root, "boot", "vmlinux-1"), content);
        var deb = directory.File("p.deb");
        (var exit, var _, var error) = Tool.TryRun("dpkg-deb", null, compression, "--root-owner-group", "--build", root, deb);
        Skip.If(exit != 0, $"dpkg-deb does not do {compression} here: {error}");
        return File.ReadAllBytes(deb);
    }
}
