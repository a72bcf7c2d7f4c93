namespace Warren.Cli;

/// <summary>What a user may have meant by a name that does not exist.</summary>
internal static class NearestNames
{
    private const int Offered = 3;

    /// <summary>Up to three of <paramref name="known"/>, nearest first; those that contain the word, or differ in few letters.</summary>
    public static IReadOnlyList<string> Of(string word, IEnumerable<string> known) =>
        [.. known.Select(name => (Name: name, Distance: Distance(word, name)))
            .Where(c => c.Distance <= Math.Max(2, word.Length / 2))
            .OrderBy(c => c.Distance).ThenBy(c => c.Name, StringComparer.Ordinal)
            .Select(c => c.Name).Distinct().Take(Offered)];

    /// <summary>"; did you mean a, b or c?" or the words given when nothing is near.</summary>
    public static string Hint(string word, IEnumerable<string> known, string otherwise)
    {
        var near = Of(word, known);
        return near.Count switch
        {
            0 => otherwise,
            1 => $"did you mean '{near[0]}'?",
            _ => $"did you mean {string.Join(", ", near.Take(near.Count - 1).Select(n => $"'{n}'"))} or '{near[^1]}'?",
        };
    }

    private static int Distance(string a, string b)
    {
        if (a.Length >= 3 && b.Contains(a, StringComparison.OrdinalIgnoreCase))
            return 1;
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var cost = char.ToLowerInvariant(a[i - 1]) == char.ToLowerInvariant(b[j - 1]) ? 0 : 1;
                (diagonal, row[j]) = (row[j], Math.Min(Math.Min(row[j], row[j - 1]) + 1, diagonal + cost));
            }
        }

        return row[^1];
    }
}
