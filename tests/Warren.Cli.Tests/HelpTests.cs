namespace Warren.Cli.Tests;

/// <summary>The help: however it is asked for the same, whole, and at 80 columns.</summary>
public sealed class HelpTests
{
    private static string Help(string arguments)
    {
        var (status, output, error) = WarrenProcess.Run(arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal((0, ""), (status, error));
        return output;
    }

    [Theory]
    [InlineData("", "--help")]
    [InlineData("help", "--help")]
    [InlineData("help run", "run --help")]
    [InlineData("run -h", "run --help")]
    [InlineData("help lab", "lab --help")]
    [InlineData("help lab run", "lab run --help")]
    [InlineData("run --cpus four --help", "run --help")]
    [InlineData("doctor --bogus --help", "doctor --help")]
    public void Help_is_had_in_every_way(string asked, string canonical) => Assert.Equal(Help(canonical), Help(asked));

    [Theory]
    [InlineData("--help")]
    [InlineData("run --help")]
    [InlineData("image --help")]
    [InlineData("image pull --help")]
    [InlineData("doctor --help")]
    [InlineData("bench --help")]
    [InlineData("lab --help")]
    [InlineData("lab run --help")]
    [InlineData("lab corpus --help")]
    [InlineData("lab try --help")]
    [InlineData("lab mutate --help")]
    [InlineData("lab locks --help")]
    [InlineData("lab measure --help")]
    [InlineData("lab explain --help")]
    public void Piped_help_is_80_columns_wide_and_says_what_each_option_is_for(string arguments)
    {
        var lines = Help(arguments).TrimEnd('\n').Split('\n');
        Assert.All(lines, l => Assert.InRange(l.Length, 0, 80));
        Assert.All(lines, l => Assert.Equal(l.TrimEnd(), l));
        Assert.DoesNotContain(lines, l => l.Contains("System.", StringComparison.Ordinal));
        Assert.StartsWith("Description:", lines[0], StringComparison.Ordinal);
    }

    [Fact]
    public void Run_shows_the_dashes_limits_defaults_examples_keys_and_statuses()
    {
        var help = Help("run --help");
        Assert.Contains("\n  warren run [options] [-- <command> [<argument>...]]\n", help, StringComparison.Ordinal);
        Assert.Contains("from 1M to 512G", help, StringComparison.Ordinal);
        Assert.Contains("[default: 512M]", help, StringComparison.Ordinal);
        Assert.Contains("vCPUs, 1 to 16. [default: 1]", help, StringComparison.Ordinal);
        Assert.Contains("[default: tdp]", help, StringComparison.Ordinal);
        Assert.Contains("\n  warren run -- uname -a ", help, StringComparison.Ordinal);
        Assert.Contains("Ctrl-A X", help, StringComparison.Ordinal);
        Assert.Contains("124  --timeout was reached", help, StringComparison.Ordinal);
    }

    /// <summary>The page names every status that docs/exit-status.md and <see cref="ExitStatus"/> have.</summary>
    [Fact]
    public void Every_status_of_ours_is_in_the_help()
    {
        var help = Help("run --help");
        var statuses = typeof(ExitStatus).GetFields().Where(f => f.IsLiteral).Select(f => (int)f.GetRawConstantValue()!)
            .Where(s => s >= 120);
        Assert.All(statuses, s => Assert.Contains($"{s}  ", help, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("--help")]
    [InlineData("help run")]
    [InlineData("doctor")]
    [InlineData("image list")]
    [InlineData("bench --list")]
    [InlineData("lab list")]
    [InlineData("--version")]
    public void Output_that_cannot_be_written_is_a_sentence(string arguments)
    {
        foreach (var target in new[] { ">/dev/full", ">&-" })
        {
            var (status, output, error) = Shell($"{arguments} {target}");
            Assert.Equal((125, ""), (status, output));
            Assert.StartsWith("warren: Standard output ", error, StringComparison.Ordinal);
            Assert.Single(error.TrimEnd().Split('\n'));
        }
    }

    [Theory]
    [InlineData("rum 2>/dev/full", 125)]
    [InlineData("rum 2>&-", 125)]
    [InlineData("bench --list 2>&-", 0)]
    [InlineData("lab list | head -1", 0)]
    public void A_status_does_not_depend_on_who_listens(string arguments, int expected) => Assert.Equal(expected, Shell(arguments).Status);

    private static (int Status, string Output, string Error) Shell(string line)
    {
        var start = WarrenProcess.Start();
        var program = start.ArgumentList.Count > 0 ? start.ArgumentList[0] : "";
        start.FileName = "sh";
        start.ArgumentList.Clear();
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add($"dotnet '{program}' {line}");
        return WarrenProcess.Finish(start);
    }
}
