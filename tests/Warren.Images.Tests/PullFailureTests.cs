using System.Text;

namespace Warren.Images.Tests;

/// <summary>Each way a pull goes wrong: one sentence, the right kind, and nothing half-made in the cache.</summary>
public sealed class PullFailureTests
{
    private const int NoSpaceErrno = 28;

    [Fact]
    public async Task No_such_suite_on_the_mirror()
    {
        using PullFixture fixture = new();
        fixture.Mirror.Faults["dists/trixie/InRelease"] = new Fault { Status = 404 };
        await AssertFails(fixture, ImageError.NotFound, "404", "--mirror");
    }

    [Fact]
    public async Task A_package_is_gone()
    {
        using PullFixture fixture = new();
        fixture.Archive.Files.Remove(fixture.Archive.KernelDebPath);
        await AssertFails(fixture, ImageError.NotFound, "404", "pool/main/l/linux-image");
    }

    [Fact]
    public async Task Access_denied()
    {
        using PullFixture fixture = new();
        fixture.Mirror.Faults["dists/trixie/InRelease"] = new Fault { Status = 403 };
        await AssertFails(fixture, ImageError.Network, "403");
        Assert.Equal(1, fixture.Mirror.Count("dists/trixie/InRelease"));
    }

    [Fact]
    public async Task The_server_stays_broken()
    {
        using PullFixture fixture = new();
        fixture.Mirror.Faults["dists/trixie/InRelease"] = new Fault { Status = 503 };
        await AssertFails(fixture, ImageError.Network, "503");
        Assert.Equal(4, fixture.Mirror.Count("dists/trixie/InRelease"));
    }

    [Fact]
    public async Task The_connection_breaks_at_the_same_place_again_and_again()
    {
        using PullFixture fixture = new();
        fixture.Mirror.Faults[fixture.Archive.KernelDebPath] = new Fault { CutAfter = 0 };
        await AssertFails(fixture, ImageError.Network, "broke off");
    }

    [Fact]
    public async Task Nobody_listens()
    {
        using PullFixture fixture = new();
        var store = fixture.Store();
        fixture.Mirror.Stop();
        var e = await Assert.ThrowsAsync<ImageException>(() => store.PullAsync());
        AssertSentence(e, ImageError.Network, "no connection", "network");
    }

    [Fact]
    public async Task The_server_falls_silent()
    {
        using PullFixture fixture = new();
        fixture.Mirror.Faults[fixture.Archive.KernelDebPath] = new Fault { HangAfter = 0 };
        var options = fixture.Options();
        ImageStore store = new(options with { Transfer = options.Transfer with { Silence = TimeSpan.FromMilliseconds(300), Retries = 1 } });
        var e = await Assert.ThrowsAsync<ImageException>(() => store.PullAsync());
        AssertSentence(e, ImageError.Network, "sent nothing");
    }

    [Fact]
    public async Task The_package_index_is_altered()
    {
        using PullFixture fixture = new();
        fixture.Mirror.Faults[fixture.Archive.IndexPath] = new Fault { Alter = Flip };
        await AssertFails(fixture, ImageError.Corrupt, "SHA-256");
        Assert.Empty(fixture.Files());
    }

    [Fact]
    public async Task A_package_is_altered()
    {
        using PullFixture fixture = new();
        fixture.Mirror.Faults[fixture.Archive.BusyboxDebPath] = new Fault { Alter = Flip };
        await AssertFails(fixture, ImageError.Corrupt, "SHA-256", "busybox-static");
        Assert.DoesNotContain(fixture.Files(), f => f.Contains("busybox", StringComparison.Ordinal));
        Assert.Empty(fixture.Store().List());
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    public async Task A_package_has_another_size_than_the_index_says(int difference)
    {
        using PullFixture fixture = new();
        fixture.Mirror.Faults[fixture.Archive.KernelDebPath] = new Fault { Alter = f => difference < 0 ? f[..^1] : [.. f, 0] };
        await AssertFails(fixture, ImageError.Corrupt, "size");
    }

    [Theory]
    [InlineData("Codename: sid\nSuite: unstable", "sid")]
    public async Task The_mirror_answers_with_another_suite(string text, string named)
    {
        using PullFixture fixture = new();
        fixture.Archive.Files["dists/trixie/InRelease"] = Encoding.UTF8.GetBytes(text + "\nSHA256:\n");
        await AssertFails(fixture, ImageError.Signature, named, "trixie");
    }

    [Fact]
    public async Task The_archive_has_expired()
    {
        using PullFixture fixture = new();
        fixture.Archive.Publish(extra: "Valid-Until: Sat, 19 Sep 2020 07:55:41 UTC\n");
        await AssertFails(fixture, ImageError.Signature, "expired on 2020-09-19");
        fixture.Archive.Publish(extra: "Valid-Until: Sat, 19 Sep 2099 07:55:41 UTC\n");
        fixture.AssertGuest((await fixture.Store().PullAsync()).Guest);
    }

    [Fact]
    public async Task The_archive_lacks_the_kernel_or_what_its_metapackage_names()
    {
        using PullFixture fixture = new();
        fixture.Archive.RemoveStanza(TestArchive.KernelPackage);
        fixture.Archive.Publish();
        await AssertFails(fixture, ImageError.NotFound, TestArchive.KernelPackage);
        fixture.Archive.RemoveStanza("linux-image-riscv64");
        fixture.Archive.Publish();
        await AssertFails(fixture, ImageError.NotFound, "linux-image-riscv64");
    }

    [Theory]
    [InlineData(TestArchive.BinaryPackage)]
    [InlineData(TestArchive.BasePackage)]
    public async Task The_archive_lacks_what_the_kernels_package_is_split_into(string package)
    {
        using PullFixture fixture = new(TestArchive.Create(split: true));
        fixture.Archive.RemoveStanza(package);
        fixture.Archive.Publish();
        await AssertFails(fixture, ImageError.NotFound, package);
    }

    [Theory]
    [InlineData("../../etc/passwd")]
    [InlineData("/etc/passwd")]
    [InlineData("pool//x.deb")]
    public async Task An_index_entry_leads_outside_the_mirror(string path)
    {
        using PullFixture fixture = new();
        fixture.Archive.RemoveStanza("busybox-static");
        fixture.Archive.Publish();
        var text = $"Package: busybox-static\nVersion: 2\nFilename: {path}\nSize: 5\nSHA256: {new string('b', 64)}\n";
        var stanza = Warren.Images.Packages.Stanza.Parse(Encoding.UTF8.GetBytes(text));
        var e = Assert.Throws<ImageException>(() => Warren.Images.Archive.ArchivePackage.FromStanza(stanza));
        AssertSentence(e, ImageError.Corrupt, "busybox-static");
        await AssertFails(fixture, ImageError.NotFound, "busybox-static");
    }

    [Fact]
    public async Task A_package_is_not_the_one_of_the_index()
    {
        using PullFixture fixture = new();
        fixture.Archive.RemoveStanza("busybox-static");
        fixture.Archive.AddDeb("busybox-static", "2",
            TestDeb.Build("busybox-static", "2", [("./usr/bin/busybox", fixture.Archive.Busybox)], architecture: "amd64"));
        fixture.Archive.Publish();
        await AssertFails(fixture, ImageError.Corrupt, "busybox-static");
    }

    [Fact]
    public async Task Busybox_is_for_another_machine()
    {
        using PullFixture fixture = new();
        var elf = (byte[])fixture.Archive.Busybox.Clone();
        elf[18] = 62;
        fixture.Archive.RemoveStanza("busybox-static");
        fixture.Archive.AddDeb("busybox-static", "2", TestDeb.Build("busybox-static", "2", [("./usr/bin/busybox", elf)]));
        fixture.Archive.Publish();
        await AssertFails(fixture, ImageError.Corrupt, "64-bit RISC-V executable");
        Assert.DoesNotContain(fixture.Files(), f => f.Contains("busybox", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(7)]
    public async Task The_disk_is_full(int writesThatFit)
    {
        using PullFixture fixture = new();
        var writes = 0;
        ImageStore store = new(fixture.Options() with
        {
            WrapOutput = s => new WatchedStream(s, () =>
            {
                if (writes++ >= writesThatFit)
                    throw new IOException("No space left on device", NoSpaceErrno);
            }),
        });
        var e = await Assert.ThrowsAsync<ImageException>(() => store.PullAsync());
        AssertSentence(e, ImageError.NoSpace, "no space", "XDG_CACHE_HOME");
        Assert.DoesNotContain(fixture.Files(), f => f.Contains(".tmp-", StringComparison.Ordinal));
        fixture.AssertGuest((await fixture.Store().PullAsync()).Guest);
    }

    [SkippableFact]
    public async Task A_real_file_system_is_full()
    {
        using PullFixture fixture = new();
        using var mount = Mount.Tmpfs(fixture.Cache, "size=128k");
        await AssertFails(fixture, ImageError.NoSpace, "no space", fixture.Cache);
    }

    [Theory]
    [InlineData("file/cache")]
    [InlineData("/proc/warren")]
    public async Task The_cache_cannot_be_made(string place)
    {
        using PullFixture fixture = new();
        File.WriteAllText(fixture.Directory.File("file"), "");
        ImageStore store = new(fixture.Options() with { Directory = Path.Combine(fixture.Directory.Path, place) });
        var e = await Assert.ThrowsAsync<ImageException>(() => store.PullAsync());
        AssertSentence(e, ImageError.CacheUnwritable, "cannot be written", "XDG_CACHE_HOME");
    }

    [SkippableFact]
    public async Task The_cache_is_read_only()
    {
        using PullFixture fixture = new();
        using var mount = Mount.Tmpfs(fixture.Cache, "ro");
        await AssertFails(fixture, ImageError.CacheUnwritable, "read-only file system");
    }

    private static byte[] Flip(byte[] file)
    {
        var altered = (byte[])file.Clone();
        altered[altered.Length / 2] ^= 1;
        return altered;
    }

    private static async Task AssertFails(PullFixture fixture, ImageError error, params string[] words)
    {
        var e = await Assert.ThrowsAsync<ImageException>(() => fixture.Store().PullAsync());
        AssertSentence(e, error, words);
        Assert.DoesNotContain(fixture.Files(), f => f.Contains(".tmp-", StringComparison.Ordinal));
    }

    internal static void AssertSentence(ImageException e, ImageError error, params string[] words)
    {
        Assert.Equal(error, e.Error);
        Assert.DoesNotContain('\n', e.Message);
        Assert.DoesNotContain("Exception", e.Message, StringComparison.Ordinal);
        Assert.All(words, w => Assert.Contains(w, e.Message, StringComparison.Ordinal));
    }
}
