using System.Diagnostics;
using System.Text.Json;
using System.Threading;
using Warren.Lab.Mutation;

namespace Warren.Lab.Tests.Mutation;

/// <summary>
/// The machinery of <c>warren lab mutate</c> on a small part of the code: the switch, a kill, a survivor, what is not reached, and going
/// on.
/// </summary>
public sealed class MutationTests : IDisposable
{
    private const string File = "src/Warren.Locking/Srcu.cs";

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("warren-mutation-test-");

    public void Dispose() => _directory.Delete(recursive: true);

    private MutationOptions Options => new()
    {
        Directory = _directory.FullName,
        Scenarios = ["srcu-grace-period", "mutex-exclusion"],
        Scope = f => f == File,
        Filter = m => m.Member.Name.Contains("GracePeriod", StringComparison.Ordinal) || m.Before == "Thread.SpinWait(16);"
            || m.Before == "Interlocked.MemoryBarrier();",
    };

    [Fact]
    public void Mutants_are_tried_and_a_run_is_continued()
    {
        var summary = MutationRun.Run(Options);
        Assert.False(summary.Interrupted);
        var drain = summary.Mutants.Single(m => m.Operator == "drop-statement" && m.Before == "Drain(bank, expedited, step);");
        Assert.Equal((MutantOutcome.Killed, "srcu-grace-period"), (drain.Result!.Outcome, drain.Result.Scenario));
        // Only an expedited grace period spins, and neither scenario has one.
        Assert.Equal(MutantOutcome.NotReached, summary.Mutants.Single(m => m.Before == "Thread.SpinWait(16);").Result!.Outcome);
        // A fence inside of what the explorer sees as one step: nobody can tell.
        Assert.Contains(summary.Mutants, m => m is { Operator: "drop-fence", Result.Outcome: MutantOutcome.Survived });

        // What was kept is told, and not tried again: kills for ever, the rest for these scenarios.
        var killed = summary.Killed;
        foreach (var file in Directory.GetFiles(Path.Combine(_directory.FullName, "results")))
        {
            var kept = System.IO.File.ReadAllText(file);
            System.IO.File.WriteAllText(file, kept.Replace("srcu-grace-period", "as-kept", StringComparison.Ordinal));
        }

        var again = MutationRun.Run(Options);
        Assert.Equal(killed, again.Mutants.Count(m => m.Result?.Scenario == "as-kept"));
        var other = MutationRun.Run(Options with { Scenarios = ["srcu-grace-period"] });
        Assert.Equal(killed, other.Mutants.Count(m => m.Result?.Scenario == "as-kept"));
        Assert.DoesNotContain(other.Mutants, m => m.Result!.Outcome == MutantOutcome.Survived
            && m.Result.Scenarios == summary.Mutants.First(s => s.Result!.Outcome == MutantOutcome.Survived).Result!.Scenarios);
        Assert.DoesNotContain(MutationRun.Run(Options with { Fresh = true }).Mutants, m => m.Result?.Scenario == "as-kept");

        // What is damaged is made anew: builds, reach and results.
        var built = Directory.GetDirectories(_directory.FullName, "build-*").Single();
        foreach (var damaged in Directory.GetFiles(built).Concat(Directory.GetFiles(Path.Combine(_directory.FullName, "results"))))
        {
            foreach (var content in (string[])["", "garbage", "{}", "null"])
            {
                System.IO.File.WriteAllText(damaged, content);
                Assert.Equal((killed, false), (MutationRun.Run(Options) is var mended ? mended.Killed : 0, mended.Interrupted));
            }
        }

        // One that was cancelled at once tells what is kept, and that there is more.
        using var cancel = new CancellationTokenSource();
        cancel.Cancel();
        Assert.Equal((killed, true),
            (MutationRun.Run(Options with { Cancellation = cancel.Token, Filter = _ => true }).Killed,
            MutationRun.Run(Options with { Cancellation = cancel.Token, Filter = _ => true }).Interrupted));

        Serves(summary);
    }

    [Fact]
    public void One_run_at_a_time_uses_a_directory()
    {
        using (new FileStream(Path.Combine(_directory.FullName, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None))
        {
            var refused = Assert.Throws<VariantException>(() => MutationRun.Run(Options));
            Assert.Contains("another run", refused.Message, StringComparison.Ordinal);
        }

        var nowhere = Options with { Area = "src/Warren.Machine" };
        var error = Assert.Throws<VariantException>(() => MutationRun.Run(nowhere));
        Assert.Contains("no mutants in src/Warren.Machine", error.Message, StringComparison.Ordinal);
    }

    /// <summary>The other side of a pipe: a line in, a line out.</summary>
    private void Serves(MutationSummary summary)
    {
        var id = summary.Mutants.Single(m => m.Operator == "drop-statement" && m.Before == "Drain(bank, expedited, step);").Id;
        var number = MutantSet.Find(f => f == File).All.Single(m => m.Id == id).Number;
        var request = JsonSerializer.Serialize(new TrialRequest(number, false, [new("srcu-grace-period", 60)]),
            MutationSerializer.Default.TrialRequest);
        using var output = new StringWriter();
        MutationRun.Serve(Directory.GetDirectories(_directory.FullName, "build-*").Single(), new StringReader(request + "\n"), output);
        var answer = JsonSerializer.Deserialize(output.ToString(), MutationSerializer.Default.TrialAnswer)!;
        Assert.Equal((MutantOutcome.Killed, false), (answer.Outcome, answer.Tainted));
    }

    [Fact]
    public void Ids_are_unique_and_what_is_written_down_is_there()
    {
        var all = MutantSet.Find(MutationFiles.IsInScope).All;
        Assert.Equal(all.Count, all.Select(m => m.Id).Distinct().Count());
        Assert.InRange(all.Count, 5_000, 50_000);
        Assert.All(MutationFiles.Equivalents, e => Assert.Contains(all, m => m.Id == e.Key));
        Assert.InRange(MutationFiles.Equivalents.Count, 0, all.Count / 20);
        var files = MutantSet.Projects.SelectMany(p => ProductionSources.Of(p).Keys.Select(f => $"{ProductionSources.DirectoryOf(p)}/{f}"))
            .ToList();
        Assert.All(MutationFiles.Scope, s =>
            Assert.Contains(files, f => s.Path.EndsWith('*') ? f.StartsWith(s.Path[..^1], StringComparison.Ordinal) : f == s.Path));
    }

    [Fact]
    public void A_mutant_is_shown_as_a_diff_that_applies()
    {
        foreach (var mutant in MutantSet.Find(f => f == File)
            .All.Where(m => m.Member.Name.Contains("GracePeriod", StringComparison.Ordinal)))
        {
            var patch = UnifiedDiff.Parse("P.diff", MutantDiff.Of(mutant)).Single();
            Assert.NotEqual(ProductionSources.Of("Warren.Locking")["Srcu.cs"],
                patch.Apply("P.diff", ProductionSources.Of("Warren.Locking")["Srcu.cs"]));
        }
    }

    [Fact]
    public void A_sample_is_drawn_in_proportion_and_the_same_again()
    {
        var all = MutantSet.Find(f => f.StartsWith("src/Warren.Locking/S", StringComparison.Ordinal)).All;
        var drawn = MutationRun.Draw(all, 50, 1);
        Assert.Equal(50, drawn.Count);
        Assert.Equal(drawn, MutationRun.Draw(all, 50, 1));
        Assert.NotEqual(drawn, MutationRun.Draw(all, 50, 2));
        foreach (var file in all.GroupBy(m => m.File))
            Assert.InRange(drawn.Count(m => m.File == file.Key), (50 * file.Count() / all.Count) - 0, (50 * file.Count() / all.Count) + 1);
        Assert.Equal(all, MutationRun.Draw(all, 1_000_000, 1));
    }

    /// <summary>Wilson's interval of 81 of 263, from his own paper's successors; and with all tried there is nothing to guess.</summary>
    [Fact]
    public void The_interval_is_Wilsons()
    {
        var (low, high) = MutationSummary.IntervalOf(81, 263, int.MaxValue);
        Assert.Equal((0.2553, 0.3662), (Math.Round(low, 4), Math.Round(high, 4)));
        Assert.Equal((0.25, 0.25), MutationSummary.IntervalOf(25, 100, 100));
        Assert.Equal((0.0, 1.0), MutationSummary.IntervalOf(0, 0, 100));
        Assert.True(MutationSummary.IntervalOf(50, 100, 200).High < MutationSummary.IntervalOf(50, 100, 100_000).High);
    }

    /// <summary>Mutants that are open are no random part: each end of the interval counts them its way.</summary>
    [Fact]
    public void A_run_that_goes_on_claims_no_more_than_it_knows()
    {
        MutantReport Of(MutantOutcome? outcome) =>
            new("i", "f", 1, "m", "o", "b", "a", outcome is { } known ? new(known, null, null, null, 0, 0, "k") : null, null);
        MutantReport[] mutants = [Of(MutantOutcome.Killed), Of(MutantOutcome.NotReached), Of(null), Of(null)];
        var summary = new MutationSummary(mutants, 4, true, TimeSpan.Zero);
        Assert.Equal((2, 0.5, 0.75), (summary.Open, summary.Score, summary.Best));
        Assert.Equal((0.25, 0.75), summary.Interval);
    }

    [Fact]
    public void A_worker_that_ends_with_the_run_says_nothing_of_its_mutant()
    {
        using var cancel = new CancellationTokenSource();
        using var worker = new ProcessWorker(() =>
        {
            cancel.Cancel();
            return new ProcessStartInfo("/bin/sh", ["-c", "exit 1"]);
        });
        Assert.ThrowsAny<OperationCanceledException>(() => worker.Try(new(1, false, [new("x", 60)]), cancel.Token));
    }

    [SkippableTheory]
    [InlineData("read x; exit 1", MutantOutcome.Crashed)]
    [InlineData("exit 0", MutantOutcome.Crashed)]
    [InlineData("read x; echo nonsense", MutantOutcome.Crashed)]
    [InlineData("read x; exec sleep 1000", MutantOutcome.TimedOut)]
    [InlineData("while read x; do echo '{\"Outcome\":\"Survived\",\"Schedules\":7,\"Seconds\":0,\"Sites\":[],\"Tainted\":false}'; done",
        MutantOutcome.Survived)]
    public void A_process_may_do_what_it_likes(string script, MutantOutcome outcome)
    {
        Skip.IfNot(OperatingSystem.IsLinux());
        using var worker = new ProcessWorker(() => new ProcessStartInfo("/bin/sh", ["-c", script]), TimeSpan.FromSeconds(0.2));
        TrialScenario[] scenarios = [new("x", outcome == MutantOutcome.TimedOut ? 0 : 60)];
        for (var i = 0; i < 2; i++)
            Assert.Equal(outcome, worker.Try(new(i, false, scenarios), CancellationToken.None).Outcome);
    }
}
