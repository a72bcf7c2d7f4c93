using System.Text.RegularExpressions;

namespace Warren.Lab.Tests;

/// <summary>docs/discussion.md: its rows, and the names that their last cells mark with a word of what they are.</summary>
internal static partial class DiscussionPage
{
    internal static string Root { get; } = FindRoot();

    internal static string Text { get; } = File.ReadAllText(Path.Combine(Root, "docs", "discussion.md"));

    /// <summary>Of every row: its point, what was said, and what is here.</summary>
    internal static IReadOnlyList<(string Point, string Said, string Here)> Rows { get; } =
        [.. Row().Matches(Text).Select(static m => (m.Groups[1].Value, m.Groups[2].Value, m.Groups[3].Value))];

    /// <summary>The names of a kind in the order of the page, each once, from the prose above the rows too.</summary>
    /// <param name="kind"><c>scenario</c>, <c>variant</c>, <c>gate</c>, <c>benchmark</c> or <c>test</c>.</param>
    internal static IReadOnlyList<string> Named(string kind) =>
        [.. Marked().Matches(Text).Where(m => m.Groups[1].Value == kind).Select(static m => m.Groups[2].Value).Distinct()];

    private static string FindRoot()
    {
        var directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "Warren.slnx")))
            directory = Path.GetDirectoryName(directory) ?? throw new InvalidOperationException("These tests run inside the repository.");
        return directory;
    }

    [GeneratedRegex(@"^\| ([A-Z]\d+) \| (.+) \| (.+) \|$", RegexOptions.Multiline)]
    private static partial Regex Row();

    [GeneratedRegex(@"\b(scenario|variant|gate|benchmark|test) `([^`]+)`")]
    private static partial Regex Marked();
}
