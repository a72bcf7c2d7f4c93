namespace Warren.Cli.Tests;

/// <summary><c>warren doctor</c>: a line for each thing looked at, whatever became of the others.</summary>
public sealed class DoctorTests
{
    private static readonly string[] Subjects =
        ["platform", "runtime", "instructions", "processors", "memory", "overcommit", "address space", "cache", "images", "mirror",
            "signatures", "terminal", "/dev/kvm"];

    private static (int Status, Dictionary<string, string> Lines) Examine(Dictionary<string, string?> environment,
        params string[] arguments)
    {
        var start = WarrenProcess.Start(["doctor", .. arguments]);
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        var (status, output, error) = WarrenProcess.Finish(start);
        Assert.Equal("", error);
        var lines = output.TrimEnd('\n').Split('\n');
        Assert.All(lines, l => Assert.Matches("^(ok  |note|bad )  ", l));
        var found = Subjects.ToDictionary(s => s, s => Assert.Single(lines, l => l[6..].StartsWith(s, StringComparison.Ordinal)));
        return (status, found);
    }

    [Fact]
    public void No_home_is_a_line_and_no_end()
    {
        var (status, lines) = Examine(new() { ["HOME"] = "", ["XDG_CACHE_HOME"] = "" });
        Assert.Equal(1, status);
        Assert.StartsWith("bad ", lines["cache"], StringComparison.Ordinal);
        Assert.Contains("XDG_CACHE_HOME", lines["cache"], StringComparison.Ordinal);
        Assert.StartsWith("bad ", lines["images"], StringComparison.Ordinal);
        Assert.StartsWith("ok ", lines["runtime"], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/proc/warren-test")]
    [InlineData("/dev/null/cache")]
    public void An_unwritable_cache_is_a_line(string place)
    {
        var (status, lines) = Examine(new() { ["XDG_CACHE_HOME"] = place });
        Assert.Equal(1, status);
        Assert.StartsWith("bad ", lines["cache"], StringComparison.Ordinal);
        Assert.Contains(place, lines["cache"], StringComparison.Ordinal);
    }

    [Fact]
    public void A_cache_that_is_a_file_is_a_line()
    {
        using var cache = new CacheFixture(filled: false);
        File.WriteAllText(cache.Root, "");
        var (status, lines) = Examine(new() { ["XDG_CACHE_HOME"] = cache.Home });
        Assert.Equal(1, status);
        Assert.StartsWith("bad ", lines["cache"], StringComparison.Ordinal);
        Assert.StartsWith("bad ", lines["images"], StringComparison.Ordinal);
    }

    [Fact]
    public void No_verifier_and_no_mirror_are_notes()
    {
        using var cache = new CacheFixture();
        var (status, lines) =
            Examine(new() { ["XDG_CACHE_HOME"] = cache.Home, ["PATH"] = "/no/such/directory" }, "--mirror", "ftp://m.example/debian");
        Assert.Equal(0, status);
        Assert.StartsWith("note", lines["signatures"], StringComparison.Ordinal);
        Assert.StartsWith("note", lines["mirror"], StringComparison.Ordinal);
        Assert.StartsWith("ok ", lines["cache"], StringComparison.Ordinal);
        Assert.StartsWith("ok ", lines["images"], StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_missing_of_the_images_is_named()
    {
        using var cache = new CacheFixture();
        var busybox = Path.Combine(cache.Content, "busybox");
        File.Delete(busybox);
        var (status, lines) = Examine(new() { ["XDG_CACHE_HOME"] = cache.Home });
        Assert.Equal(0, status);
        Assert.Contains($"the cached busybox {busybox} is missing", lines["images"], StringComparison.Ordinal);
    }
}
