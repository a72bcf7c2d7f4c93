using System.Text.RegularExpressions;

namespace Warren.Lab.Tests;

/// <summary>docs/discussion.md says nothing that does not run: each name it marks is there, and shows what the page says.</summary>
public sealed partial class DiscussionTests
{
    private const int MostWords = 40;

    /// <summary>The points of the five threads, by section.</summary>
    [Theory]
    [InlineData('A', 44)]
    [InlineData('B', 5)]
    [InlineData('C', 3)]
    [InlineData('D', 17)]
    [InlineData('E', 10)]
    public void Every_point_has_a_row_in_its_order(char section, int points) =>
        Assert.Equal(Enumerable.Range(1, points).Select(i => $"{section}{i}"),
            DiscussionPage.Rows.Where(r => r.Point[0] == section).Select(static r => r.Point));

    /// <summary>A name of the lab's says which kind it is, or the tests below would not see it.</summary>
    [Fact]
    public void Every_name_says_what_it_is()
    {
        var marked = new[] { "scenario", "variant", "gate", "benchmark", "test" }.SelectMany(DiscussionPage.Named).ToHashSet();
        var scenarios = ScenarioCatalogue.Core.Concat(CorpusCatalogue.Scenarios).Select(static s => s.Name);
        var known = scenarios.Concat(CorpusCatalogue.All.Select(static v => v.Name)).ToHashSet();
        var names = DiscussionPage.Rows.SelectMany(static r => InCode().Matches(r.Here)).Select(static m => m.Groups[1].Value);
        Assert.DoesNotContain(names,
            name => !marked.Contains(name) && (known.Contains(name) || name.Contains('-') || name.Contains('.')));
    }

    [Fact]
    public void No_sentence_is_longer_than_forty_words() =>
        Assert.DoesNotContain(DiscussionPage.Rows.SelectMany(static r => SentenceEnd().Split(r.Said).Concat(SentenceEnd().Split(r.Here))),
            static s => s.Split(' ', StringSplitOptions.RemoveEmptyEntries).Length > MostWords);

    [Fact]
    public void Every_gate_exists() => Assert.All(DiscussionPage.Named("gate"), static g => Assert.Equal(g, GateFactory.Create(g).Name));

    /// <summary>By the text of the sources, for neither tests nor benchmarks are referred to from here.</summary>
    [Fact]
    public void Every_benchmark_and_every_test_exists()
    {
        var benchmarks = Sources("bench", "*Benchmark.cs");
        Assert.All(DiscussionPage.Named("benchmark"),
            b => Assert.Contains(benchmarks, text => text.Contains($"Name => \"{b}\";", StringComparison.Ordinal)));
        var tests = Sources("tests", "*Tests*.cs");
        Assert.All(DiscussionPage.Named("test"), test =>
        {
            var (type, method) = (test.Split('.')[0], test.Split('.')[^1]);
            Assert.Contains(tests, text => text.Contains($"class {type}", StringComparison.Ordinal)
                && text.Contains($"void {method}(", StringComparison.Ordinal));
        });
    }

    public static TheoryData<string> Scenarios => [.. DiscussionPage.Named("scenario")];

    [Theory]
    [MemberData(nameof(Scenarios))]
    public void A_scenario_finds_nothing_in_the_code_as_it_is(string name)
    {
        var result = Explorer.Explore(CorpusCatalogue.FindScenario(name), new ExplorationOptions { MaxSchedules = 200, Minimise = false });
        Assert.True(result.Failure is null, $"{result.Failure?.Verdict} {result.Failure?.Replay}");
    }

    /// <summary>And is found: <see cref="VariantTests.Every_variant_is_found"/> runs the whole corpus, which takes minutes.</summary>
    [Fact]
    public void Every_variant_is_in_the_corpus() =>
        Assert.All(DiscussionPage.Named("variant"), static name => Assert.Single(CorpusCatalogue.All, v => v.Name == name));

    private static IReadOnlyList<string> Sources(string room, string pattern) =>
        [.. Directory.EnumerateFiles(Path.Combine(DiscussionPage.Root, room), pattern, SearchOption.AllDirectories)
            .Select(File.ReadAllText)];

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex InCode();

    [GeneratedRegex(@"(?<=[.?!:;])\s+")]
    private static partial Regex SentenceEnd();
}
