using System.Security.Cryptography;
using System.Threading;

namespace Warren.Images.Tests;

public sealed class PullTests
{
    [Theory]
    [InlineData(".gz", true)]
    [InlineData("", true)]
    [InlineData(".gz", false)]
    public async Task Brings_kernel_configuration_and_busybox_into_the_cache(string indexSuffix, bool byHash)
    {
        using PullFixture fixture = new();
        fixture.Archive.Publish(indexSuffix: indexSuffix, byHash: byHash);
        ProgressLog progress = new();

        var result = await fixture.Store().PullAsync(progress);

        fixture.AssertGuest(result.Guest);
        Assert.True(result.Changed);
        Assert.Equal("13.99", result.Pull.Release);
        Assert.Equal("1:1.37.0-6", result.Guest.BusyboxVersion);
        Assert.Equal(3, fixture.Files().Count());
        Assert.Empty(Directory.GetFiles(fixture.Partial));
        long debSize = fixture.Archive.Files[fixture.Archive.KernelDebPath].Length;
        PullProgress[] kernel = [.. progress.Items.Where(p => p.What == TestArchive.KernelPackage)];
        Assert.Equal(0, kernel[0].Bytes);
        Assert.Equal(debSize, kernel[^1].Bytes);
        Assert.All(kernel, p => Assert.Equal(debSize, p.Total));
        Assert.Equal(kernel.OrderBy(p => p.Bytes), kernel);
    }

    [Theory]
    [InlineData("usr/")]
    [InlineData("")]
    public async Task Finds_kernel_and_configuration_where_Debian_has_split_them_from_the_image_package(string usr)
    {
        using PullFixture fixture = new(TestArchive.Create(split: true, usr: usr));

        var first = await fixture.Store().PullAsync();

        fixture.AssertGuest(first.Guest);
        Assert.Equal((TestArchive.BinaryPackage, TestArchive.BasePackage),
            (first.Pull.Find(ImageKind.Kernel)!.Package, first.Pull.Find(ImageKind.KernelConfig)!.Package));
        var config = Path.Combine(fixture.Content, first.Pull.Find(ImageKind.KernelConfig)!.File);
        Assert.StartsWith("CONFIG_TEST=y", File.ReadAllText(config), StringComparison.Ordinal);
        Assert.Equal(3, fixture.Store().List().Count);
        Assert.False((await fixture.Store().PullAsync()).Changed);
        Assert.Equal(first.Guest, await fixture.Store().GetGuestAsync(offline: true));
    }

    [SkippableFact]
    public async Task Reads_an_xz_index()
    {
        Tool.Require("xz");
        using PullFixture fixture = new(TestArchive.Create(indexSuffix: ".xz"));
        fixture.AssertGuest((await fixture.Store().PullAsync()).Guest);
    }

    [Fact]
    public async Task Falls_back_to_the_plain_name_where_a_mirror_lacks_by_hash()
    {
        using PullFixture fixture = new();
        var plain = "dists/trixie/main/binary-riscv64/Packages.gz";
        fixture.Archive.Files[plain] = fixture.Archive.Files[fixture.Archive.IndexPath];
        fixture.Mirror.Faults[fixture.Archive.IndexPath] = new Fault { Status = 404 };
        fixture.AssertGuest((await fixture.Store().PullAsync()).Guest);
        Assert.Equal(1, fixture.Mirror.Count(plain));
    }

    [Fact]
    public async Task A_second_pull_of_an_unchanged_archive_fetches_only_the_release()
    {
        using PullFixture fixture = new();
        var first = await fixture.Store().PullAsync();
        var requests = fixture.Mirror.Log.Count;
        var second = await fixture.Store().PullAsync();
        Assert.False(second.Changed);
        Assert.Equal(first.Guest, second.Guest);
        Assert.Equal(requests + 1, fixture.Mirror.Log.Count);
    }

    [Fact]
    public async Task A_new_release_with_the_same_packages_fetches_none_of_them_again()
    {
        using PullFixture fixture = new();
        await fixture.Store().PullAsync();
        fixture.Archive.Publish(extra: "Label: Newer\n");
        var second = await fixture.Store().PullAsync();
        Assert.False(second.Changed);
        Assert.Equal(1, fixture.Mirror.Count(fixture.Archive.KernelDebPath));
        Assert.Single(fixture.Store().List(), s => s.Entry.Kind == ImageKind.Kernel);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(70_000)]
    public async Task Continues_a_file_that_broke_off_within_one_run(int cut)
    {
        using PullFixture fixture = new();
        fixture.Mirror.Faults[fixture.Archive.KernelDebPath] = new Fault { CutAfter = cut, Times = 2 };
        fixture.AssertGuest((await fixture.Store().PullAsync()).Guest);
        Assert.Contains($"{fixture.Archive.KernelDebPath} {cut}", fixture.Mirror.Log);
        Assert.Contains($"{fixture.Archive.KernelDebPath} {2 * cut}", fixture.Mirror.Log);
    }

    [Fact]
    public async Task Continues_half_a_file_of_an_earlier_run()
    {
        using PullFixture fixture = new();
        fixture.Mirror.Faults[fixture.Archive.KernelDebPath] = new Fault { CutAfter = 0 };
        var deb = fixture.Archive.Files[fixture.Archive.KernelDebPath];
        await Assert.ThrowsAsync<ImageException>(() => fixture.Store().PullAsync());
        File.WriteAllBytes(Path.Combine(fixture.Partial, TestArchive.Hash(deb) + ".partial"), deb[..(deb.Length / 2)]);
        fixture.Mirror.Faults.Clear();

        var result = await fixture.Store().PullAsync();

        fixture.AssertGuest(result.Guest);
        Assert.Contains($"{fixture.Archive.KernelDebPath} {deb.Length / 2}", fixture.Mirror.Log);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Replaces_a_partial_file_that_turns_out_wrong(bool tooLong)
    {
        using PullFixture fixture = new();
        var deb = fixture.Archive.Files[fixture.Archive.KernelDebPath];
        Directory.CreateDirectory(fixture.Partial);
        File.WriteAllBytes(Path.Combine(fixture.Partial, TestArchive.Hash(deb) + ".partial"),
            RandomNumberGenerator.GetBytes(tooLong ? deb.Length + 5 : 1000));
        fixture.AssertGuest((await fixture.Store().PullAsync()).Guest);
    }

    [Fact]
    public async Task Starts_over_where_the_server_ignores_ranges()
    {
        using PullFixture fixture = new();
        var deb = fixture.Archive.Files[fixture.Archive.KernelDebPath];
        Directory.CreateDirectory(fixture.Partial);
        File.WriteAllBytes(Path.Combine(fixture.Partial, TestArchive.Hash(deb) + ".partial"), deb[..5000]);
        fixture.Mirror.Faults[fixture.Archive.KernelDebPath] = new Fault { IgnoreRange = true };
        fixture.AssertGuest((await fixture.Store().PullAsync()).Guest);
    }

    [Fact]
    public async Task Bears_a_busy_server_for_a_while()
    {
        using PullFixture fixture = new();
        fixture.Mirror.Faults["dists/trixie/InRelease"] = new Fault { Status = 503, Times = 2 };
        fixture.Mirror.Faults[fixture.Archive.BusyboxDebPath] = new Fault { Status = 429, Times = 3 };
        fixture.AssertGuest((await fixture.Store().PullAsync()).Guest);
    }

    [Fact]
    public async Task Cancelling_leaves_only_what_the_next_pull_continues()
    {
        using PullFixture fixture = new();
        fixture.Mirror.Faults[fixture.Archive.KernelDebPath] = new Fault { HangAfter = 70_000, Times = 1 };
        using CancellationTokenSource cancel = new();
        var pull = fixture.Store().PullAsync(null, cancel.Token);
        await fixture.Mirror.Hung.WaitAsync();
        var partial = Path.Combine(fixture.Partial, TestArchive.Hash(fixture.Archive.Files[fixture.Archive.KernelDebPath]) + ".partial");
        while (!File.Exists(partial) || new FileInfo(partial).Length < 70_000)
            await Task.Delay(5);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pull);
        Assert.Equal([Path.Combine("partial", Path.GetFileName(partial))], fixture.Files());

        fixture.AssertGuest((await fixture.Store().PullAsync()).Guest);
        Assert.Contains($"{fixture.Archive.KernelDebPath} 70000", fixture.Mirror.Log);
    }

    [Fact]
    public async Task Cancelling_while_unpacking_leaves_no_temporary_file()
    {
        using PullFixture fixture = new();
        using CancellationTokenSource cancel = new();
        ImageStore store =
            new(fixture.Options() with { WrapOutput = s => new WatchedStream(s, () => CancelWhenUnpacking(fixture, cancel)) });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => store.PullAsync(null, cancel.Token));
        Assert.Equal(["partial"], fixture.Files().Select(Path.GetDirectoryName).Distinct());
        fixture.AssertGuest((await fixture.Store().PullAsync()).Guest);
        Assert.Equal(1, fixture.Mirror.Count(fixture.Archive.KernelDebPath));
    }

    private static void CancelWhenUnpacking(PullFixture fixture, CancellationTokenSource cancel)
    {
        if (Directory.GetFiles(fixture.Content, ".tmp-*").Length > 0)
            cancel.Cancel();
    }
}
