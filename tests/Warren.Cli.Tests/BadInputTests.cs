using System.Diagnostics;

namespace Warren.Cli.Tests;

/// <summary>Mistakes of a user on the command line: one sentence on stderr, the documented status, nothing on stdout.</summary>
public class BadInputTests
{
    private static readonly string Program = Path.Combine(AppContext.BaseDirectory, "Warren.Cli.dll");

    private static (int Status, string Output, string Error) Run(string arguments, string? cache = null)
    {
        var start = WarrenProcess.Start(arguments.Split(' '));
        if (cache is not null) start.Environment["XDG_CACHE_HOME"] = cache;
        return WarrenProcess.Finish(start);
    }

    [Theory]
    [InlineData("run --kernel /no/such/file", "/no/such/file")]
    [InlineData("run --kernel /etc", "/etc")]
    [InlineData("run --kernel /etc/passwd", "not a kernel")]
    [InlineData("run --kernel /bin/ls", "riscv64")]
    [InlineData("run --guest selftest --cpus 0", "1 to 16")]
    [InlineData("run --guest selftest --cpus 17", "1 to 16")]
    [InlineData("run --guest selftest --cpus many", "many")]
    [InlineData("run --guest selftest --memory lots", "512M")]
    [InlineData("run --guest selftest --memory 1M", "memory")]
    [InlineData("run --guest selftest --timeout never", "30s")]
    [InlineData("run --guest nobody", "selftest")]
    [InlineData("run --guest selftest -- ls", "command")]
    [InlineData("run --guest selftest --kernel /bin/ls", "--kernel")]
    [InlineData("run --mmu magic", "tdp or shadow")]
    [InlineData("run --guest selftest --mmu Shadow", "tdp or shadow")]
    [InlineData("run --paging sv12", "sv39")]
    [InlineData("run --guest selftest --stats=xml", "json")]
    [InlineData("run --bogus", "--bogus")]
    [InlineData("run --guest selftest --cmdline x --append y", "--append")]
    [InlineData("run --cmdline x -- ls", "--append")]
    [InlineData("run --guest selftest --cmdline \n", "control character")]
    [InlineData("run --guest selftest --append \uFFFD", "UTF-8")]
    [InlineData("lab run --assembly /dev/null x", "ordinary file")]
    [InlineData("bench", "memslots")]
    [InlineData("bench nothing", "memslots")]
    [InlineData("image pull --mirror ftp://x", "mirror")]
    [InlineData("frobnicate", "frobnicate")]
    public void Is_answered_in_one_sentence(string arguments, string named)
    {
        var (status, output, error) = Run(arguments);
        Assert.Equal(125, status);
        Assert.Equal("", output);
        Assert.Contains(named, error, StringComparison.OrdinalIgnoreCase);
        Assert.StartsWith("warren: ", error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd().Split('\n'));
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_cold_cache_without_network_names_the_remedies()
    {
        var cache = Directory.CreateTempSubdirectory("warren-cli-test-");
        try
        {
            var (status, output, error) = Run("run --offline -- true", cache.FullName);
            Assert.Equal((125, ""), (status, output));
            Assert.Contains("warren image pull", error, StringComparison.Ordinal);
            Assert.Contains("--guest selftest", error, StringComparison.Ordinal);
            Assert.Single(error.TrimEnd().Split('\n'));
        }
        finally
        {
            cache.Delete(recursive: true);
        }
    }

    [Fact]
    public void A_timeout_ends_a_guest_with_its_own_status()
    {
        var (status, _, error) = Run("run --guest selftest --cpus 1 --timeout 1ms");
        Assert.Equal(124, status);
        Assert.Contains("--timeout", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_guest_runs_on_a_shadow_mmu_and_is_audited()
    {
        var (status, output, error) = Run("run --guest selftest --mmu shadow --audit --stats=json");
        Assert.Equal(0, status);
        Assert.Contains(" 0 failed", output, StringComparison.Ordinal);
        Assert.Contains("\"shadowPages\":{\"made\":", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Output_to_a_file_that_others_write_too_overwrites_nothing()
    {
        var file = Path.GetTempFileName();
        try
        {
            using var shell = Process.Start("sh", ["-c", $"(echo first; dotnet '{Program}' run --guest selftest; echo last) > '{file}'"]);
            shell.WaitForExit();
            var lines = File.ReadAllLines(file);
            Assert.Equal("first", lines[0]);
            Assert.StartsWith("selftest: ", lines[^2], StringComparison.Ordinal);
            Assert.Equal("last", lines[^1]);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Theory]
    [InlineData("--help", "run")]
    [InlineData("run --help", "--memory")]
    [InlineData("bench --list", "memslots")]
    public void Help_says_what_there_is(string arguments, string named)
    {
        var (status, output, _) = Run(arguments);
        Assert.Equal(0, status);
        Assert.Contains(named, output, StringComparison.Ordinal);
    }
}
