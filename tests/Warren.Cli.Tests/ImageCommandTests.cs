namespace Warren.Cli.Tests;

/// <summary><c>warren image</c> on a cache that is not as it was left: which file, what is wrong with it, what helps.</summary>
public sealed class ImageCommandTests : IDisposable
{
    private readonly CacheFixture _cache = new();

    public void Dispose() => _cache.Dispose();

    [Fact]
    public void A_whole_cache_is_listed_and_verified_without_a_word_more()
    {
        foreach (var (command, health) in new[] { ("list", "present"), ("verify", "good") })
        {
            var (status, output, error) = _cache.Run("image", command);
            Assert.Equal((0, ""), (status, error));
            var lines = output.TrimEnd('\n').Split('\n');
            Assert.Equal(6, lines.Length);
            Assert.All(lines, l => Assert.StartsWith(health, l, StringComparison.Ordinal));
            Assert.Contains(lines,
                l => l.Contains(" initramfs ", StringComparison.Ordinal) && l.EndsWith(_cache.Initramfs, StringComparison.Ordinal));
        }
    }

    [Theory]
    [InlineData("", "is damaged")]
    [InlineData("{", "is damaged")]
    [InlineData("null", "is damaged")]
    [InlineData("{\"format\": 1, \"pulls\": [null]}", "is damaged")]
    [InlineData("{\"format\": 7, \"pulls\": {}}", "was written by a newer version of Warren (format 7; this one knows 1)")]
    public void A_manifest_that_is_no_good_is_named_with_its_remedy(string content, string what)
    {
        File.WriteAllText(_cache.Manifest, content);
        foreach (var command in new[] { "list", "verify", "prune" })
        {
            var (status, output, error) = _cache.Run("image", command);
            Assert.Equal((125, ""), (status, output));
            Assert.Equal($"warren: the image cache's table of contents {_cache.Manifest} {what}; `warren image pull` makes it anew.\n",
                error);
        }

        // What nobody can tell to be useless is not pruned.
        Assert.Equal(6, Directory.GetFiles(_cache.Content).Length);
        var (runStatus, _, runError) = _cache.Run("run", "--offline", "--", "true");
        Assert.Equal(125, runStatus);
        Assert.StartsWith($"warren: the image cache's table of contents {_cache.Manifest} {what}; run `warren image pull`", runError,
            StringComparison.Ordinal);
        var doctor = _cache.Run("doctor");
        Assert.Equal(1, doctor.Status);
        Assert.Contains(doctor.Output.Split('\n'),
            l => l.StartsWith("bad ", StringComparison.Ordinal) && l.Contains(_cache.Manifest, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("kernel", "kernel", "'warren image pull' fetches it again")]
    [InlineData("config", "kernel configuration", "'warren image pull' fetches it again")]
    [InlineData("busybox", "busybox", "'warren image pull' fetches it again")]
    [InlineData("old-kernel", "kernel", "'warren image prune' deletes it")]
    [InlineData("initramfs", "initramfs", "the next 'warren run' makes it anew")]
    public void What_is_damaged_or_missing_is_called_by_its_name(string file, string what, string remedy)
    {
        var path = file == "initramfs" ? _cache.Initramfs : Path.Combine(_cache.Content, file);
        // As long as it was: neither size nor time tells.
        File.WriteAllText(path, new string('x', (int)new FileInfo(path).Length));
        var (status, output, error) = _cache.Run("image", "verify");
        Assert.Equal((1, $"warren: the cached {what} {path} is damaged (its SHA-256 is not the one recorded); {remedy}.\n"),
            (status, error));
        Assert.Single(output.Split('\n'),
            l => l.StartsWith("altered", StringComparison.Ordinal) && l.EndsWith(path, StringComparison.Ordinal));

        File.Delete(path);
        if (file == "initramfs")
            return;
        foreach (var command in new[] { "list", "verify" })
        {
            (status, output, error) = _cache.Run("image", command);
            Assert.Equal((1, $"warren: the cached {what} {path} is missing; {remedy}.\n"), (status, error));
            Assert.Single(output.Split('\n'),
                l => l.StartsWith("missing", StringComparison.Ordinal) && l.EndsWith(path, StringComparison.Ordinal));
        }
    }

    [Theory]
    [InlineData("kernel", "kernel")]
    [InlineData("busybox", "busybox")]
    public void Offline_the_file_that_is_damaged_is_named(string file, string what)
    {
        // Neither pull has a guest any more: the busybox is common to both.
        File.Delete(Path.Combine(_cache.Content, "old-kernel"));
        var path = Path.Combine(_cache.Content, file);
        File.WriteAllText(path, "x");
        var (status, output, error) = _cache.Run("run", "--offline", "--", "true");
        Assert.Equal((125, ""), (status, output));
        Assert.StartsWith($"warren: the cached {what} {path} is damaged", error, StringComparison.Ordinal);
        Assert.Contains("`warren image pull`", error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd().Split('\n'));
    }

    [Fact]
    public void Without_a_network_the_damage_is_said_before_the_network_is()
    {
        var path = Path.Combine(_cache.Content, "busybox");
        File.WriteAllText(path, "x");
        var (status, _, error) = _cache.Run("run", "--mirror", "http://127.0.0.1:1/debian", "--", "true");
        Assert.Equal(125, status);
        Assert.StartsWith($"warren: the cached busybox {path} is damaged (its SHA-256 is not the one recorded); it is fetched again\n",
            error, StringComparison.Ordinal);
        Assert.Contains("selftest", error.TrimEnd().Split('\n')[^1], StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Several_are_counted_and_both_remedies_named()
    {
        File.Delete(Path.Combine(_cache.Content, "kernel"));
        File.Delete(Path.Combine(_cache.Content, "old-kernel"));
        var (status, _, error) = _cache.Run("image", "list");
        Assert.Equal(1, status);
        Assert.Equal(
            $"warren: the cached kernel {_cache.Content}/kernel is missing, and 1 more; 'warren image pull' fetches what is needed again, "
                + $"'warren image prune' deletes the rest.\n", error);
    }

    [Theory]
    [InlineData("image list")]
    [InlineData("image verify")]
    [InlineData("image prune")]
    [InlineData("image pull --mirror http://127.0.0.1:1/debian")]
    [InlineData("run --offline -- true")]
    public void A_cache_that_is_a_file_is_named(string arguments)
    {
        using var cache = new CacheFixture(filled: false);
        File.WriteAllText(cache.Root, "");
        var (status, output, error) = cache.Run(arguments.Split(' '));
        Assert.Equal((125, ""), (status, output));
        Assert.Equal(
            $"warren: {cache.Root} is a file where the image cache needs a directory; move it away or point XDG_CACHE_HOME elsewhere.\n",
            error);
    }

    [Theory]
    [InlineData("image list")]
    [InlineData("image verify")]
    public void A_cache_that_is_not_there_is_empty(string arguments)
    {
        using var cache = new CacheFixture(filled: false);
        Assert.Equal((0, $"{cache.Root} is empty; 'warren image pull' fills it.\n", ""), cache.Run(arguments.Split(' ')));
    }
}
