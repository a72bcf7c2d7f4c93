using System.Text.RegularExpressions;

namespace Warren.House.Tests;

/// <summary>The pages say nothing of the repository that is not so, where a machine can tell.</summary>
public sealed partial class PageTests
{
    private const int MostWords = 40;

    public static TheoryData<string> Pages() => [.. Repository.Pages];

    /// <summary>Pages that are read from top to bottom; the others are tables to look things up in.</summary>
    public static TheoryData<string> Prose() =>
        [.. Repository.Pages.Where(static p =>
            p is "CONTRIBUTING.md" or "SECURITY.md" or "docs/architecture.md" or "docs/discussion.md" or "docs/threat-model.md"
            || p.StartsWith("docs/decisions/", StringComparison.Ordinal))];

    [Theory]
    [MemberData(nameof(Pages))]
    public void Every_link_leads_somewhere(string page)
    {
        var directory = Path.GetDirectoryName(page)!;
        var targets = Link().Matches(Repository.Read(page)).Select(static m => m.Groups[1].Value)
            .Where(static t => !t.Contains("://", StringComparison.Ordinal));
        Assert.DoesNotContain(targets, target => !Repository.Exists(Path.Combine(directory, target.Split('#')[0])));
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public void Every_path_that_a_page_names_exists(string page) =>
        Assert.DoesNotContain(PathInCode().Matches(Repository.Read(page)).Select(static m => m.Groups[1].Value),
            static path => !Repository.Exists(path));

    [Theory]
    [MemberData(nameof(Prose))]
    public void No_sentence_is_longer_than_forty_words(string page) => Assert.Empty(TooLong(Repository.Read(page)));

    [Fact]
    public void A_long_sentence_is_noticed()
    {
        var forty = string.Join(' ', Enumerable.Repeat("word", MostWords));
        Assert.Empty(TooLong($"- {forty}. {forty}."));
        Assert.Single(TooLong($"{forty}\nmore. Short."));
        Assert.Empty(TooLong($"| {forty} | {forty} |\n\n```\n{forty} {forty}\n```\n"));
    }

    [Fact]
    public void Folders_of_the_hypervisor_are_namespaces() =>
        Assert.All(Repository.Sources.Where(static p => p.StartsWith("src/Warren.Hypervisor/", StringComparison.Ordinal)), static p =>
        {
            var room = Path.GetDirectoryName(p)!["src/".Length..].Replace('/', '.');
            Assert.Contains($"namespace {room};", Repository.Read(p), StringComparison.Ordinal);
        });

    [Fact]
    public void The_map_of_the_hypervisor_has_every_folder()
    {
        const string room = "src/Warren.Hypervisor";
        var folders = Repository.Files(room, "*.cs").Select(static p => p[(room.Length + 1)..])
            .Where(static p => p.Contains('/', StringComparison.Ordinal)).Select(static p => p[..p.LastIndexOf('/')]).Distinct();
        var page = Repository.Read("docs/architecture.md");
        var map = page[page.IndexOf("## A map of `Warren.Hypervisor`", StringComparison.Ordinal)..];
        map = map[..map.IndexOf("\n## ", 3, StringComparison.Ordinal)];
        Assert.Equal(folders.Order(StringComparer.Ordinal),
            Row().Matches(map).Select(static m => m.Groups[1].Value).Order(StringComparer.Ordinal));
    }

    /// <summary>A sentence ends with a full stop or question mark before white space; tables and code have none.</summary>
    private static IEnumerable<string> TooLong(string page)
    {
        var prose = Fence().Replace(page, "\n\n");
        foreach (var paragraph in Block().Split(prose))
        {
            if (paragraph.TrimStart().StartsWith('|') || paragraph.StartsWith("    ", StringComparison.Ordinal))
                continue;
            foreach (var sentence in SentenceEnd().Split(paragraph))
            {
                if (sentence.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
                    .Count(static w => w.Any(char.IsLetterOrDigit)) > MostWords)
                {
                    yield return sentence.Trim();
                }
            }
        }
    }

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"`((?:src|lab|bench|samples|tools|tests|guest|docs|\.ci)/[\w./-]+)`")]
    private static partial Regex PathInCode();

    [GeneratedRegex(@"^\| `([\w/.]+)` \|", RegexOptions.Multiline)]
    private static partial Regex Row();

    [GeneratedRegex(@"^```.*?^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence();

    /// <summary>An empty line, or the beginning of a list's next item.</summary>
    [GeneratedRegex(@"\n\s*\n|\n(?=\s*(?:[-*]|\d+\.) |\||#)")]
    private static partial Regex Block();

    [GeneratedRegex(@"(?<=[.?!][)`*""]*)\s+")]
    private static partial Regex SentenceEnd();
}
