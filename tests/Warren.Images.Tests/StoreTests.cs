using System.Diagnostics;
using System.Threading;
using Warren.Images.Initramfs;

namespace Warren.Images.Tests;

public sealed class StoreTests
{
    [Fact]
    public async Task A_cold_cache_is_filled_when_online_and_explained_when_offline()
    {
        using PullFixture fixture = new();
        var e = await Assert.ThrowsAsync<ImageException>(() => fixture.Store().GetGuestAsync(offline: true));
        PullFailureTests.AssertSentence(e, ImageError.Offline, "`warren image pull`", "`warren run --guest selftest`", fixture.Cache);
        Assert.False(Directory.Exists(fixture.Cache));

        var guest = await fixture.Store().GetGuestAsync();
        fixture.AssertGuest(guest);
        var requests = fixture.Mirror.Log.Count;
        Assert.Equal(guest, await fixture.Store().GetGuestAsync(offline: true));
        Assert.Equal(guest, await fixture.Store().GetGuestAsync());
        Assert.Equal(requests, fixture.Mirror.Log.Count);
    }

    [Fact]
    public async Task A_cold_cache_without_a_network_names_the_selftest()
    {
        using PullFixture fixture = new();
        var options = fixture.Options();
        ImageStore store = new(options);
        fixture.Mirror.Stop();
        var e = await Assert.ThrowsAsync<ImageException>(() => store.GetGuestAsync());
        PullFailureTests.AssertSentence(e, ImageError.Network, "`warren image pull`", "`warren run --guest selftest`");

        var nowhere =
            options with { Mirror = new MirrorOptions { AptDirectory = fixture.Directory.File("none"), Environment = _ => null } };
        e = await Assert.ThrowsAsync<ImageException>(() => new ImageStore(nowhere).GetGuestAsync());
        PullFailureTests.AssertSentence(e, ImageError.Configuration, "--mirror", "WARREN_MIRROR", "`warren run --guest selftest`");
    }

    [Theory]
    [InlineData("truncated")]
    [InlineData("altered")]
    [InlineData("altered in disguise")]
    [InlineData("missing")]
    public async Task A_damaged_entry_is_noticed_and_fetched_again(string damage)
    {
        using PullFixture fixture = new();
        var guest = await fixture.Store().GetGuestAsync();
        Damage(guest.Kernel, damage);

        var status = Assert.Single(await fixture.Store().VerifyAsync(), s => s.Entry.Kind == ImageKind.Kernel);
        Assert.Equal(damage == "missing" ? ImageHealth.Missing : ImageHealth.Altered, status.Health);
        Assert.All((await fixture.Store().VerifyAsync()).Where(s => s.Entry.Kind != ImageKind.Kernel),
            s => Assert.Equal(ImageHealth.Good, s.Health));
        var e = await Assert.ThrowsAsync<ImageException>(() => fixture.Store().GetGuestAsync(offline: true));
        var verdict = damage == "missing" ? "is missing" : "is damaged (its SHA-256 is not the one recorded)";
        PullFailureTests.AssertSentence(e, ImageError.Offline, $"the cached kernel {guest.Kernel} {verdict}", "`warren image pull`");

        // It is fetched again, and said why.
        ProgressLog progress = new();
        fixture.AssertGuest(await fixture.Store().GetGuestAsync(false, progress));
        Assert.Single(progress.Items, p => p.What == $"the cached kernel {guest.Kernel} {verdict}; it is fetched again");
        Assert.All(await fixture.Store().VerifyAsync(), s => Assert.Equal(ImageHealth.Good, s.Health));
        Assert.Equal(1, fixture.Mirror.Count(fixture.Archive.BusyboxDebPath));
        Assert.Equal(2, fixture.Mirror.Count(fixture.Archive.KernelDebPath));
    }

    [Fact]
    public async Task A_damaged_busybox_is_called_by_its_name()
    {
        using PullFixture fixture = new();
        var guest = await fixture.Store().GetGuestAsync();
        Damage(guest.Busybox, "altered");
        var e = await Assert.ThrowsAsync<ImageException>(() => fixture.Store().GetGuestAsync(offline: true));
        PullFailureTests.AssertSentence(e, ImageError.Offline, $"the cached busybox {guest.Busybox} is damaged", "`warren image pull`");
        Assert.DoesNotContain("kernel", e.Message, StringComparison.Ordinal);
        Damage(guest.Kernel, "missing");
        e = await Assert.ThrowsAsync<ImageException>(() => fixture.Store().GetGuestAsync(offline: true));
        PullFailureTests.AssertSentence(e, ImageError.Offline, $"the cached kernel {guest.Kernel} is missing",
            $"the cached busybox {guest.Busybox} is damaged");
    }

    [Fact]
    public async Task A_pull_says_what_it_makes_good()
    {
        using PullFixture fixture = new();
        var guest = await fixture.Store().GetGuestAsync();
        ProgressLog progress = new();
        Assert.False((await fixture.Store().PullAsync(progress)).Changed);
        Assert.DoesNotContain(progress.Items, p => p.What.Contains("cached", StringComparison.Ordinal));
        Damage(guest.Busybox, "truncated");
        progress = new();
        Assert.True((await fixture.Store().PullAsync(progress)).Changed);
        Assert.Equal($"the cached busybox {guest.Busybox} is damaged (its SHA-256 is not the one recorded); it is fetched again",
            progress.Items[0].What);
    }

    [Theory]
    [InlineData("", "is damaged")]
    [InlineData("{", "is damaged")]
    [InlineData("null", "is damaged")]
    [InlineData("{\"pulls\": []}", "is damaged")]
    [InlineData("{\"format\": 0, \"pulls\": []}", "is damaged")]
    [InlineData("{\"format\": \"1\", \"pulls\": []}", "is damaged")]
    [InlineData("{\"format\": 2, \"pulls\": []}", "newer version of Warren (format 2; this one knows 1)")]
    [InlineData("{\"format\": 2, \"packs\": {}}", "newer version of Warren (format 2; this one knows 1)")]
    [InlineData("{\"format\": 1, \"pulls\": null}", "is damaged")]
    [InlineData("{\"format\": 1, \"pulls\": [null]}", "is damaged")]
    [InlineData("{\"format\": 1, \"pulls\": [{\"entries\": [{\"kind\": \"Kernel\", \"file\": \"../../../etc/passwd\", \"size\": 1}]}]}",
        "is damaged")]
    [InlineData("{\"format\": 1, \"pulls\": [{\"entries\": [{\"kind\": 77}]}]}", "is damaged")]
    public async Task A_manifest_that_is_no_good_is_named_and_made_anew(string manifest, string what)
    {
        using PullFixture fixture = new();
        Directory.CreateDirectory(fixture.Cache);
        var path = Path.Combine(fixture.Cache, "manifest.json");
        File.WriteAllText(path, manifest);
        PullFailureTests.AssertSentence(Assert.Throws<ImageException>(fixture.Store().List), ImageError.Corrupt, path, what,
            "`warren image pull`");
        PullFailureTests.AssertSentence(await Assert.ThrowsAsync<ImageException>(() => fixture.Store().VerifyAsync()), ImageError.Corrupt,
            path, what, "`warren image pull`");
        PullFailureTests.AssertSentence(await Assert.ThrowsAsync<ImageException>(() => fixture.Store().PruneAsync()), ImageError.Corrupt,
            path, what, "`warren image pull`");
        PullFailureTests.AssertSentence(
            await Assert.ThrowsAsync<ImageException>(() => fixture.Store().GetGuestAsync(offline: true)), ImageError.Offline, path, what,
            "`warren image pull`");
        Assert.Equal(manifest, File.ReadAllText(path));
        ProgressLog progress = new();
        fixture.AssertGuest(await fixture.Store().GetGuestAsync(false, progress));
        Assert.Contains(path, progress.Items[0].What, StringComparison.Ordinal);
        Assert.EndsWith("everything is fetched again", progress.Items[0].What, StringComparison.Ordinal);
        Assert.Equal(3, fixture.Store().List().Count);
    }

    [Fact]
    public async Task One_pull_that_is_no_good_among_good_ones_damages_the_manifest()
    {
        using PullFixture fixture = new();
        await fixture.Store().GetGuestAsync();
        string path = Path.Combine(fixture.Cache, "manifest.json"), good = File.ReadAllText(path);
        var bad = good.Replace("\"pulls\": [", "\"pulls\": [ null,", StringComparison.Ordinal);
        Assert.NotEqual(good, bad);
        File.WriteAllText(path, bad);
        PullFailureTests.AssertSentence(Assert.Throws<ImageException>(fixture.Store().List), ImageError.Corrupt, path, "is damaged",
            "`warren image pull`");
    }

    [Fact]
    public async Task A_manifest_that_is_a_directory_or_far_too_long_is_named()
    {
        using PullFixture fixture = new();
        var path = Path.Combine(fixture.Cache, "manifest.json");
        Directory.CreateDirectory(path);
        PullFailureTests.AssertSentence(Assert.Throws<ImageException>(fixture.Store().List), ImageError.Corrupt, path, "is a directory");
        await Assert.ThrowsAsync<ImageException>(() => fixture.Store().GetGuestAsync());
        Directory.Delete(path);
        File.WriteAllBytes(path, new byte[(1 << 20) + 1]);
        PullFailureTests.AssertSentence(Assert.Throws<ImageException>(fixture.Store().List), ImageError.Corrupt, path, "too long");
    }

    [SkippableFact]
    public async Task A_read_only_cache_serves()
    {
        using PullFixture fixture = new();
        var guest = await fixture.Store().GetGuestAsync();
        var initramfs = fixture.Store().GetInitramfs(guest, new byte[100]);
        using var mount = Mount.ReadOnly(fixture.Cache);
        Assert.Equal(guest, await fixture.Store().GetGuestAsync());
        Assert.Equal(initramfs, fixture.Store().GetInitramfs(guest, new byte[100]));
        Assert.All(await fixture.Store().VerifyAsync(), s => Assert.Equal(ImageHealth.Good, s.Health));
        PullFailureTests.AssertSentence(Assert.Throws<ImageException>(() => fixture.Store().GetInitramfs(guest, new byte[200])),
            ImageError.CacheUnwritable, "read-only file system");
        PullFailureTests.AssertSentence(await Assert.ThrowsAsync<ImageException>(() => fixture.Store().PruneAsync()),
            ImageError.CacheUnwritable, "read-only file system");
    }

    [Fact]
    public async Task Two_at_once_fetch_each_file_once()
    {
        using PullFixture fixture = new();
        ProgressLog[] logs = [new(), new(), new()];
        var guests = await Task.WhenAll(logs.Select(l => Task.Run(() => fixture.Store().GetGuestAsync(false, l))));
        Assert.All(guests, fixture.AssertGuest);
        Assert.Equal(1, fixture.Mirror.Count(fixture.Archive.KernelDebPath));
        Assert.Equal(1, fixture.Mirror.Count(fixture.Archive.BusyboxDebPath));
    }

    [Fact]
    public async Task The_second_pull_waits_for_the_first_and_says_so()
    {
        using PullFixture fixture = new();
        fixture.Mirror.Faults[fixture.Archive.KernelDebPath] = new Fault { HangAfter = 1000, Times = 1 };
        using CancellationTokenSource cancel = new();
        var first = fixture.Store().PullAsync(null, cancel.Token);
        await fixture.Mirror.Hung.WaitAsync();
        TaskCompletionSource<string> waiting = new();
        var second = fixture.Store().PullAsync(new FirstReport(waiting));
        Assert.Contains("another warren", await waiting.Task, StringComparison.Ordinal);
        Assert.False(second.IsCompleted);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        fixture.AssertGuest((await second).Guest);
    }

    [SkippableFact]
    public async Task The_lock_holds_between_processes()
    {
        Tool.Require("flock");
        using PullFixture fixture = new();
        await fixture.Store().PullAsync();
        using var holder =
            Process.Start(new ProcessStartInfo("flock", ["-x", Path.Combine(fixture.Cache, "lock"), "sh", "-c", "echo held; read x"])
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
            })!;
        Assert.Equal("held", await holder.StandardOutput.ReadLineAsync());
        TaskCompletionSource<string> waiting = new();
        var pull = fixture.Store().PullAsync(new FirstReport(waiting));
        await waiting.Task;
        Assert.False(pull.IsCompleted);
        holder.StandardInput.Close();
        await pull;
        await holder.WaitForExitAsync();
    }

    [Fact]
    public async Task Prune_keeps_the_newest_pull_and_says_what_it_freed()
    {
        using PullFixture fixture = new();
        var old = await fixture.Store().GetGuestAsync();
        fixture.Store().GetInitramfs(old, new byte[100]);
        var kernel = TestDeb.Kernel(77);
        fixture.Archive.AddDeb(TestArchive.KernelPackage, "6.12.10-1", TestDeb.Build(TestArchive.KernelPackage, "6.12.10-1",
            [("./boot/config-" + TestArchive.Release, [5]), ("./boot/vmlinux-" + TestArchive.Release, kernel)]));
        fixture.Archive.Publish();
        var current = (await fixture.Store().PullAsync()).Guest;
        Assert.Equal(kernel, File.ReadAllBytes(current.Kernel));
        Assert.True(File.Exists(old.Kernel));
        // Two kernels with their configurations, a busybox, and the initramfs of the first.
        Assert.Equal(6, fixture.Store().List().Count);
        Assert.Equal(4, fixture.Store().List().Count(s => s.Current));
        var initramfs = fixture.Store().GetInitramfs(current, new byte[200]);
        File.SetLastWriteTimeUtc(initramfs, DateTime.UtcNow.AddHours(1));
        File.WriteAllBytes(Path.Combine(fixture.Partial, new string('a', 64) + ".partial"), new byte[1000]);
        File.WriteAllBytes(Path.Combine(fixture.Content, ".tmp-orphan"), new byte[500]);
        var busy = Path.Combine(fixture.Content, ".tmp-busy");
        using FileStream writing = new(busy, FileMode.CreateNew, FileAccess.Write, FileShare.None);

        var pruned = await fixture.Store().PruneAsync();

        Assert.Equal(5, pruned.Files.Count);
        Assert.True(pruned.Bytes > fixture.Archive.Kernel.Length + 1500);
        Assert.False(File.Exists(old.Kernel));
        Assert.True(File.Exists(busy));
        Assert.True(File.Exists(initramfs));
        Assert.Equal(kernel, File.ReadAllBytes((await fixture.Store().GetGuestAsync(offline: true)).Kernel));
        Assert.Empty((await fixture.Store().PruneAsync()).Files);
    }

    [Fact]
    public async Task Offline_an_older_pull_serves_when_the_newest_is_damaged()
    {
        using PullFixture fixture = new();
        var old = await fixture.Store().GetGuestAsync();
        fixture.Archive.AddDeb(TestArchive.KernelPackage, "6.12.10-1", TestDeb.Build(TestArchive.KernelPackage, "6.12.10-1",
            [("./boot/config-" + TestArchive.Release, [5]), ("./boot/vmlinux-" + TestArchive.Release, TestDeb.Kernel(77))]));
        fixture.Archive.Publish();
        var current = (await fixture.Store().PullAsync()).Guest;
        Damage(current.Kernel, "altered");
        Assert.Equal(old.Kernel, (await fixture.Store().GetGuestAsync(offline: true)).Kernel);
    }

    [Fact]
    public async Task Pruning_nothing_makes_nothing()
    {
        using PullFixture fixture = new();
        Assert.Equal(0, (await fixture.Store().PruneAsync()).Bytes);
        Assert.False(Directory.Exists(fixture.Cache));
    }

    [Fact]
    public async Task The_initramfs_is_made_once_and_again_when_altered()
    {
        using PullFixture fixture = new();
        var guest = await fixture.Store().GetGuestAsync();
        var init = TestDeb.Executable(3, 9000);
        var path = fixture.Store().GetInitramfs(guest, init);
        var bytes = File.ReadAllBytes(path);
        Assert.Equal(InitramfsBuilder.ForGuest(init, fixture.Archive.Busybox).Build(), bytes);
        Damage(path, "altered in disguise");
        Assert.Equal(ImageHealth.Altered, Assert.Single(await fixture.Store().VerifyAsync(), s => s.Path == path).Health);
        ProgressLog progress = new();
        Assert.Equal(path, fixture.Store().GetInitramfs(guest, init, progress));
        Assert.Equal($"the cached initramfs {path} is damaged; it is made anew", Assert.Single(progress.Items).What);
        Assert.Equal(bytes, File.ReadAllBytes(path));
        init[100] ^= 1;
        Assert.NotEqual(path, fixture.Store().GetInitramfs(guest, init));
        Assert.DoesNotContain(fixture.Files(), f => f.Contains(".tmp-", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("/x/cache", "/home/u", "/x/cache/warren")]
    [InlineData("relative", "/home/u", "/home/u/.cache/warren")]
    [InlineData(null, "/home/u", "/home/u/.cache/warren")]
    [InlineData("", null, null)]
    public void The_cache_is_where_XDG_says(string? xdg, string? home, string? expected)
    {
        ImageStoreOptions options = new() { Environment = n => n == "XDG_CACHE_HOME" ? xdg : n == "HOME" ? home : null };
        if (expected != null)
            Assert.Equal(expected, new ImageStore(options).Directory);
        else
            Assert.Equal(ImageError.Configuration, Assert.Throws<ImageException>(() => new ImageStore(options)).Error);
    }

    private static void Damage(string path, string how)
    {
        var time = File.GetLastWriteTimeUtc(path);
        var bytes = File.ReadAllBytes(path);
        switch (how)
        {
            case "missing":
                File.Delete(path);
                return;
            case "truncated":
                File.WriteAllBytes(path, bytes[..(bytes.Length / 2)]);
                return;
            default:
                bytes[bytes.Length / 3] ^= 0x40;
                File.WriteAllBytes(path, bytes);
                if (how == "altered in disguise")
                    File.SetLastWriteTimeUtc(path, time);
                return;
        }
    }

    private sealed class FirstReport(TaskCompletionSource<string> first) : IProgress<PullProgress>
    {
        public void Report(PullProgress value) => first.TrySetResult(value.What);
    }
}
