using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Warren.Lab.Fuzz;

namespace Warren.Lab.Tests.Fuzz;

public sealed class FuzzerTests
{
    /// <summary>The minute of fuzzing in the gate: so many programs, however long they take.</summary>
    private const int GatePrograms = 1_500;

    [Fact]
    public void Nothing_is_found_in_production_code()
    {
        var result = Fuzzer.Run(new FuzzOptions { MaxPrograms = GatePrograms, Seed = 20 });
        Assert.True(result.Failure is null, $"{result.Failure?.Program} {result.Failure?.Trace.Verdict} {result.Failure?.Trace.Replay}");
        Assert.Equal(GatePrograms, result.Programs);
        // More than the core scenarios are likely to: each operation against nearly each other.
        Assert.InRange(result.Pairs, 5_000, int.MaxValue);
    }

    [Fact]
    public void The_same_seed_gives_the_same_programs_and_schedules()
    {
        var options = new FuzzOptions { MaxPrograms = 40, Seed = 7 };
        var (first, second) = (Fuzzer.Run(options), Fuzzer.Run(options));
        Assert.Equal(first.Kept, second.Kept);
        Assert.Equal((first.Schedules, first.Steps, first.Sites, first.Pairs),
            (second.Schedules, second.Steps, second.Sites, second.Pairs));
        Assert.NotEqual(first.Kept, Fuzzer.Run(options with { Seed = 8 }).Kept);
    }

    [Fact]
    public void A_corpus_is_explored_first_and_programs_that_reach_something_are_kept()
    {
        const string Given = "pages 1; vm; setup set 0 0 0 0 0 0; thread load 0 0; thread discard 0 0";
        var result = Fuzzer.Run(new FuzzOptions { MaxPrograms = 1, Corpus = [Given, Given] });
        Assert.Equal([Given], result.Kept);
        Assert.Equal([Given], Fuzzer.Run(new FuzzOptions { MaxPrograms = 2, Corpus = [Given, Given], Best = 5 }).Kept.Take(1));
    }

    /// <summary>
    /// A bug of the corpus is found without its scenario; the program is small, its replay string good, and the printed scenario compiles
    /// and fails the same way.
    /// </summary>
    [Fact]
    public void What_breaks_is_made_small_and_printed_as_a_scenario_that_fails_the_same_way()
    {
        var variant = CorpusCatalogue.All.Single(v => v.Name == Planted);
        var result = CorpusRunner.Fuzz(variant, new FuzzOptions { MaxPrograms = 2_000, Seed = 1 });
        Assert.NotNull(result.Failure);
        var (program, trace) = (FuzzProgram.Parse(result.Failure.Program), result.Failure.Trace);
        Assert.InRange(program.ThreadOps.Count(), 1, FuzzProgram.Parse(result.Failure.Found).ThreadOps.Count());
        Assert.Equal(trace.Verdict, CorpusRunner.ReplayProgram(variant, program, trace.Replay).Verdict);

        var request = ContextRequest.From(variant, new ExplorationOptions()) with
        {
            Scenario = ProgramScenario.DefaultName,
            Replay = trace.Replay,
        };
        var printed = CorpusRunner.ExploreAssembly(variant, Compiled(ProgramPrinter.File(program)), request);
        Assert.Equal(trace.Verdict!.Sentence, printed.Failure!.Verdict!.Sentence);
        Assert.Equal(trace.Steps.Count, printed.Failure.Steps.Count);
    }

    /// <summary>Printed text compiles, whatever was drawn, and makes the same steps.</summary>
    [Fact]
    public void Every_operation_is_printed_as_it_is_executed()
    {
        var generator = new ProgramGenerator(11);
        var programs = Enumerable.Range(0, 60).Select(_ => generator.Draw()).ToList();
        var scenarios = string.Join(",\n", programs.Select((p, i) => ProgramPrinter.Scenario(p, $"program-{i}")));
        var file = ProgramPrinter.File(programs[0]);
        var at = file.IndexOf("new DelegateScenario", StringComparison.Ordinal);
        var bytes = Compiled(file[..at] + scenarios + file[(file.LastIndexOf("})", StringComparison.Ordinal) + 2)..]);
        var printed =
            ((IEnumerable<Scenario>)System.Reflection.Assembly.Load(bytes).GetType("Generated")!.GetProperty("All")!.GetValue(null)!)
            .ToList();
        Assert.Equal(programs.Count, printed.Count);
        var options = new ExplorationOptions { Strategy = SearchStrategy.Random, MaxSchedules = 5, Seed = 3 };
        for (var i = 0; i < programs.Count; i++)
        {
            var expected = Explorer.Explore(new ProgramScenario(programs[i], $"program-{i}"), options);
            var found = Explorer.Explore(printed[i], options);
            Assert.Equal((expected.Schedules, expected.Steps, expected.Failure?.Verdict),
                (found.Schedules, found.Steps, found.Failure?.Verdict));
        }
    }

    private const string Planted = "fault-without-retry-check";

    private static byte[] Compiled(string text)
    {
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Select(p => MetadataReference.CreateFromFile(p));
        var compilation = CSharpCompilation.Create("Generated", [CSharpSyntaxTree.ParseText(text)], references,
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary));
        using var stream = new MemoryStream();
        var result = compilation.Emit(stream);
        Assert.True(result.Success, string.Join('\n', result.Diagnostics.Take(3)) + "\n" + text);
        return stream.ToArray();
    }
}
