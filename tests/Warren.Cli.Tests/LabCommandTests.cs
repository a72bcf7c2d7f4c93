using System.Diagnostics;
using System.Text.Json;

namespace Warren.Cli.Tests;

/// <summary><c>warren lab</c> with the sample's scenarios: what is found, how it is told, and what a user can get wrong.</summary>
[Trait("Length", "Gate")]
public sealed class LabCommandTests : IDisposable
{
    private static readonly string Sample = Path.Combine(AppContext.BaseDirectory, "TranslationCache.dll");
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("warren-lab-test-");

    public void Dispose() => _directory.Delete(recursive: true);

    private string FileOf(string name) => Path.Combine(_directory.FullName, name);

    private static (int Status, string Output, string Error) Sampled(params string[] arguments) =>
        WarrenProcess.Run(["lab", .. arguments, "--assembly", Sample]);

    private static void IsSentence((int Status, string Output, string Error) answer, string named)
    {
        Assert.Equal((125, ""), (answer.Status, answer.Output));
        Assert.StartsWith("warren: ", answer.Error, StringComparison.Ordinal);
        Assert.Contains(named, answer.Error, StringComparison.Ordinal);
        Assert.Single(answer.Error.TrimEnd().Split('\n'));
        Assert.DoesNotContain("   at ", answer.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("?.", answer.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("lab", "lab --help")]
    [InlineData("lab frobnicate", "frobnicate")]
    [InlineData("lab run", "lab run --help")]
    [InlineData("lab run fault-vs-discrad", "fault-vs-discard")]
    [InlineData("lab run core --bond 2", "'--bond' is not an option")]
    [InlineData("lab corpus --contols 3", "'--contols' is not an option")]
    [InlineData("lab explain join --gate jion", "join")]
    [InlineData("lab run x --assembly /tmp", "directory")]
    [InlineData("lab explain --gaet", "'--gaet' is not an option")]
    [InlineData("lab run rwsem", "--gate rwsem")]
    [InlineData("lab run qqqqqqqqqqqqqqqqqqqqqqqqqq", "warren lab list")]
    [InlineData("lab explain fault-vs-discrad", "fault-vs-discard")]
    [InlineData("lab corpus nothing-of-the-kind", "nothing-of-the-kind")]
    [InlineData("lab run fault-vs-discard --bound 4", "0 to 3")]
    [InlineData("lab run fault-vs-discard --bound -1", "0 to 3")]
    [InlineData("lab run fault-vs-discard --time soon", "30s")]
    [InlineData("lab run fault-vs-discard --time 0", "30s")]
    [InlineData("lab run fault-vs-discard --seed -5", "seed")]
    [InlineData("lab run fault-vs-discard --strategy exhausting", "exhaustive")]
    [InlineData("lab run fault-vs-discard --gate jion", "join")]
    [InlineData("lab run fault-vs-discard --replay !!", "damaged")]
    [InlineData("lab run fault-vs-discard --replay ", "replay")]
    [InlineData("lab run fault-vs-discard --replay Zm9v", "version")]
    [InlineData("lab run fault-vs-discard --replay Zm9v --bound 1", "--bound")]
    [InlineData("lab run fault-vs-discard --html /no/such/directory/x.html", "/no/such/directory/x.html")]
    [InlineData("lab run fault-vs-discard --html /tmp", "directory")]
    [InlineData("lab run fault-vs-discard --chrome /proc/no", "--chrome")]
    [InlineData("lab run fault-vs-discard two-faults-one-page --replay Zm9v", "--replay")]
    [InlineData("lab run core --html x.html", "--html")]
    [InlineData("lab run core fault-vs-discrad", "fault-vs-discard")]
    [InlineData("lab run x --assembly /no/such.dll", "/no/such.dll")]
    [InlineData("lab run x --assembly /etc/passwd", "/etc/passwd")]
    [InlineData("lab corpus --controls few", "--controls")]
    [InlineData("lab fuzz --programs 0", "--programs takes a number from 1")]
    [InlineData("lab fuzz --time never", "30s")]
    [InlineData("lab fuzz --seed x", "--seed")]
    [InlineData("lab fuzz --sede 1", "'--sede' is not an option")]
    [InlineData("lab fuzz --replay Zm9v", "add --program")]
    [InlineData("lab fuzz --program vm", "--program cannot be read: A program has 1 to 4 threads")]
    [InlineData("lab fuzz --program vm;thread --replay Zm9v", "version")]
    [InlineData("lab fuzz --variant fault-without-retry-chekc", "fault-without-retry-check")]
    [InlineData("lab fuzz --corpus /proc/nothing", "--corpus /proc/nothing cannot be used")]
    [InlineData("lab fuzz --corpus /etc/passwd", "--corpus /etc/passwd cannot be used")]
    [InlineData("lab try", "lab try --help")]
    [InlineData("lab mutate --sample 0", "--sample")]
    [InlineData("lab mutate --least 101", "0 to 100")]
    [InlineData("lab mutate --show 00000000", "There is no mutant 00000000")]
    [InlineData("lab mutate --area src/Warren.Machine", "src/Warren.Hypervisor/Tdp")]
    [InlineData("lab mutate-worker /nowhere", "warren lab mutate")]
    [InlineData("lab try /no/such.diff", "/no/such.diff cannot be read")]
    [InlineData("lab try /tmp", "directory")]
    [InlineData("lab try /dev/null --scenario nonsense", "nonsense")]
    [InlineData("lab try /dev/null --replay x --seed 2", "leave out --seed")]
    [InlineData("lab try /dev/null", "changes no file")]
    [InlineData("lab try /dev/zero", "16 MiB")]
    [InlineData("lab try /etc/passwd --scenaro x", "'--scenaro' is not an option")]
    public void Bad_input_is_answered_in_one_sentence(string arguments, string named) =>
        IsSentence(WarrenProcess.Run(arguments.Split(' ')), named);

    /// <summary>A grace period that waits for one of two banks: found, told as any trace is, and executed again.</summary>
    [Fact]
    public void A_patch_is_tried()
    {
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(root.FullName, "Warren.slnx")))
            root = root.Parent!;
        var source = File.ReadAllLines(Path.Combine(root.FullName, "src/Warren.Locking/Srcu.cs"));
        var at = Array.FindIndex(source, l => l.Trim() == "Drain(bank, expedited, step);");
        var patch = FileOf("p.diff");
        File.WriteAllText(patch,
            $"--- a/src/Warren.Locking/Srcu.cs\n+++ b/src/Warren.Locking/Srcu.cs\n@@ -{at + 1},1 +{at + 1},0 @@\n-{source[at]}\n");
        var (status, output, error) = WarrenProcess.Run("lab", "try", patch, "--scenario", "srcu-grace-period");
        Assert.Equal((1, ""), (status, error));
        Assert.Contains($"Again: warren lab try {patch} --scenario srcu-grace-period --replay ", output, StringComparison.Ordinal);
        var replay = output.Split("--replay ")[1].Split('\n')[0].Trim('\'');
        Assert.Equal(1, WarrenProcess.Run("lab", "try", patch, "--scenario", "srcu-grace-period", "--replay", replay).Status);
        Assert.Equal(0, WarrenProcess.Run("lab", "try", patch, "--scenario", "mutex-exclusion").Status);
        IsSentence(WarrenProcess.Run("lab", "try", patch, "--scenario", "mutex-exclusoin"), "mutex-exclusion");
        IsSentence(WarrenProcess.Run("lab", "try", patch, "--replay", replay), "--scenario");
        IsSentence(WarrenProcess.Run("lab", "try", patch, "--scenario", "mutex-exclusion", "--replay", replay), "scenario");
    }

    /// <summary>Nothing in the code as it is; on a variant something, which the printed line makes happen again.</summary>
    [Fact]
    public void Programs_are_drawn_kept_and_found_again()
    {
        var corpus = FileOf("programs");
        var (status, output, error) = WarrenProcess.Run("lab", "fuzz", "--programs", "20", "--corpus", corpus);
        Assert.Equal((0, ""), (status, error));
        Assert.Contains("20 programs, 640 schedules, ", output, StringComparison.Ordinal);
        Assert.EndsWith(": nothing found.\n", output, StringComparison.Ordinal);
        Assert.NotEmpty(Directory.GetFiles(corpus, "*.program"));
        File.WriteAllText(Path.Combine(corpus, "x.program"), "vm; thread jump 0");
        IsSentence(WarrenProcess.Run("lab", "fuzz", "--programs", "1", "--corpus", corpus), "no operation 'jump'");

        const string Racing = "pages 1; vm; setup set 0 0 0 0 0 0, write 0 1; thread load 0 0; thread discard 0 0";
        Assert.Equal(0, WarrenProcess.Run("lab", "fuzz", "--program", Racing).Status);
        File.WriteAllText(Path.Combine(corpus, "x.program"), Racing);
        (status, output, error) =
            WarrenProcess.Run("lab", "fuzz", "--programs", "500", "--corpus", corpus, "--variant", "fault-without-retry-check");
        Assert.Equal((1, ""), (status, error));
        Assert.Contains("new DelegateScenario(", output, StringComparison.Ordinal);
        var again = output.Split('\n').Single(l => l.StartsWith("Again: ", StringComparison.Ordinal));
        var words = again.Split('\'');
        (status, output, error) =
            WarrenProcess.Run("lab", "fuzz", "--variant", "fault-without-retry-check", "--program", words[1], "--replay",
            words[2].Split(' ')[^1]);
        Assert.Equal((1, ""), (status, error));
        Assert.Contains("it happens again", output, StringComparison.Ordinal);
    }

    [Fact]
    public void An_assembly_without_scenarios_is_told() =>
        IsSentence(WarrenProcess.Run("lab", "run", "x", "--assembly", Path.Combine(AppContext.BaseDirectory, "Warren.Locking.dll")),
            "no scenario");

    [Fact]
    public void An_unknown_scenario_of_an_assembly_names_what_is_near() => IsSentence(Sampled("run", "look-then-cuont"), "look-then-count");

    [Fact]
    public void List_names_scenarios_gates_and_variants()
    {
        var (status, output, error) = WarrenProcess.Run("lab", "list");
        Assert.Equal((0, ""), (status, error));
        Assert.Contains("fault-vs-discard", output, StringComparison.Ordinal);
        Assert.Contains("join", output, StringComparison.Ordinal);
        Assert.Contains("fault-without-retry-check", output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_defect_is_shown_in_columns_and_replays()
    {
        var (status, output, error) = Sampled("run", "look-then-count");
        Assert.Equal((1, ""), (status, error));
        var lines = output.Split('\n');
        Assert.StartsWith("USE AFTER FREE: ", lines[0], StringComparison.Ordinal);
        Assert.Contains(lines,
            l => l.Contains("┊ user", StringComparison.Ordinal) && l.Contains("┊ invalidator", StringComparison.Ordinal));
        Assert.Contains("Cache.cs:", output, StringComparison.Ordinal);
        var again = lines.Single(l => l.StartsWith("Again: ", StringComparison.Ordinal))["Again: ".Length..].Split(' ');
        var replayed = WarrenProcess.Run(again[1..]);
        Assert.Equal((1, ""), (replayed.Status, replayed.Error));
        Assert.Equal(lines.TakeWhile(l => !l.StartsWith("Again", StringComparison.Ordinal)),
            replayed.Output.Split('\n').TakeWhile(l => !l.StartsWith("Again", StringComparison.Ordinal)));
    }

    [Fact]
    public void What_is_right_is_complete_for_the_bound_with_status_0()
    {
        var (status, output, error) = Sampled("run", "count-then-look-fenced", "--bound", "2");
        Assert.Equal((0, ""), (status, error));
        Assert.StartsWith("Complete for ", output, StringComparison.Ordinal);
        Assert.Contains("nothing found", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Json_is_one_object_with_the_trace()
    {
        var (status, output, _) = Sampled("run", "look-then-count", "--json");
        Assert.Equal(1, status);
        using var json = JsonDocument.Parse(output);
        Assert.True(json.RootElement.GetProperty("found").GetBoolean());
        Assert.Equal("UseAfterFree", json.RootElement.GetProperty("trace").GetProperty("verdict").GetProperty("kind").GetString());
        Assert.NotEmpty(json.RootElement.GetProperty("trace").GetProperty("steps").EnumerateArray());
    }

    [Fact]
    public void Several_are_explored_one_after_the_other()
    {
        var (status, output, error) = Sampled("run", "count-then-look-fenced", "look-then-count", "count-then-look-fenced");
        Assert.Equal((1, ""), (status, error));
        Assert.StartsWith("count-then-look-fenced: Complete for ", output, StringComparison.Ordinal);
        Assert.Contains("USE AFTER FREE: ", output, StringComparison.Ordinal);
        Assert.Contains("look-then-count --replay ", output, StringComparison.Ordinal);
        Assert.EndsWith(": found in look-then-count.\n", output, StringComparison.Ordinal);
        Assert.Contains("2 of 2 scenarios", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Several_share_the_time_that_is_given()
    {
        var (status, output, error) = Sampled("run", "count-then-look-fenced", "count-then-look", "--time", "3s");
        Assert.Equal((0, ""), (status, error));
        Assert.Equal(2,
            output.Split('\n')
                .Count(l =>
                    l.Contains("nothing found", StringComparison.Ordinal) && l.Contains("count-then-look", StringComparison.Ordinal)));
        Assert.Contains("2 of 2 scenarios", output, StringComparison.Ordinal);
        Assert.EndsWith(": nothing found.\n", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Json_of_several_is_an_array()
    {
        var (status, output, _) = Sampled("run", "count-then-look-fenced", "look-then-count", "--json");
        Assert.Equal(1, status);
        using var json = JsonDocument.Parse(output);
        Assert.Equal([false, true], json.RootElement.EnumerateArray().Select(e => e.GetProperty("found").GetBoolean()));
    }

    [Fact]
    public void Files_are_written_and_what_was_there_stays_until_then()
    {
        var (page, events) = (FileOf("trace.html"), FileOf("trace.json"));
        File.WriteAllText(page, "old");
        IsSentence(Sampled("run", "no-such-scenario", "--html", page), "no-such-scenario");
        Assert.Equal("old", File.ReadAllText(page));
        Assert.Single(_directory.GetFiles());
        Assert.Equal(1, Sampled("run", "look-then-count", "--html", page, "--chrome", events).Status);
        Assert.StartsWith("<!DOCTYPE html>", File.ReadAllText(page), StringComparison.Ordinal);
        using var json = JsonDocument.Parse(File.ReadAllText(events));
        Assert.True(json.RootElement.TryGetProperty("traceEvents", out _));
        Assert.Equal(2, _directory.GetFiles().Length);
    }

    [Fact]
    public void A_replay_string_of_another_scenario_is_told()
    {
        var output = Sampled("run", "look-then-count").Output;
        var replay = output.Split('\n').Single(l => l.StartsWith("Again: ", StringComparison.Ordinal)).Split(' ')[^1];
        IsSentence(Sampled("run", "count-then-look", "--replay", replay), "another scenario");
        IsSentence(Sampled("run", "look-then-count", "--replay", replay[..^2]), "damaged");
    }

    [Fact]
    public void Explain_tells_the_idea_and_shows_the_interleaving()
    {
        var (status, output, _) = Sampled("explain", "look-then-count");
        Assert.Equal(0, status);
        Assert.Contains("users look, then count", output, StringComparison.Ordinal);
        Assert.Contains("USE AFTER FREE", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("join", "the default", "join-published-before-lock")]
    [InlineData("rwsem", "rwsem-nested, shown by scenario gate-nested", "inner start, in the same thread: queues behind the update")]
    public void Explain_tells_a_gate_with_its_price_and_flaws(string gate, params string[] expected)
    {
        var (status, output, _) = WarrenProcess.Run("lab", "explain", gate);
        Assert.Equal(0, status);
        Assert.Contains("Price: ", output, StringComparison.Ordinal);
        Assert.All(expected, e => Assert.Contains(e, output, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Interrupt_tells_what_was_explored_so_far()
    {
        var start =
            WarrenProcess.Start("lab", "run", "endless", "--strategy", "random", "--time", "10m", "--assembly",
                Path.Combine(AppContext.BaseDirectory, "Warren.Cli.Tests.dll"));
        // The tests themselves may run where interrupts are ignored, which children inherit.
        start.ArgumentList.Insert(0, start.FileName);
        start.ArgumentList.Insert(0, "--default-signal=INT");
        start.FileName = "env";
        var begins = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        start.Environment[FaultyScenarios.BeginsVariable] = begins;
        using var process = Process.Start(start)!;
        while (!File.Exists(begins))
        {
            Assert.False(process.HasExited);
            await Task.Delay(TimeSpan.FromMilliseconds(50));
        }

        using (var kill = Process.Start("kill", ["-INT", process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]))
            await kill.WaitForExitAsync();
        var error = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        File.Delete(begins);
        Assert.Equal(130, process.ExitCode);
        Assert.StartsWith("Interrupted", output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", await error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("throws-in-build", "Build")]
    [InlineData("differs-each-time", "differs-each-time")]
    [InlineData("unhooked-loop", "unhooked-loop")]
    public void A_scenario_at_fault_is_told_in_one_sentence(string name, string named)
    {
        var (status, _, error) =
            WarrenProcess.Run("lab", "run", name, "--time", "20s", "--assembly",
                Path.Combine(AppContext.BaseDirectory, "Warren.Cli.Tests.dll"));
        Assert.Equal(125, status);
        Assert.StartsWith("warren: ", error, StringComparison.Ordinal);
        Assert.Contains(named, error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd().Split('\n'));
    }
}
