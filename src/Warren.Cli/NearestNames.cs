namespace Warren.Cli;

/// <summary>Names that a user may have meant by one that does not exist.</summary>
internal static class NearestNames
{
    private const int Offered = 3;

    /// <summary>
    /// Up to three of <paramref name="known"/>, nearest first: those that differ in few letters, begin with the word or contain it, or have
    /// the same words between their hyphens in another order. Dashes in front and capitals count for nothing.
    /// </summary>
    public static string[] Of(string word, IEnumerable<string> known)
    {
        var near = known.Distinct().Select(name => (Name: name, Distance: Distance(Bare(word), Bare(name))))
            .Where(c => c.Distance <= Allowed(Bare(word).Length))
            .OrderBy(c => c.Distance).ThenBy(c => c.Name, StringComparer.Ordinal).ToList();
        // What is clearly nearer leaves no doubt.
        return [.. near.Where(c => c.Distance <= near[0].Distance + 1 && (near[0].Distance > 0 || c.Distance == 0)).Take(Offered)
            .Select(c => c.Name)];
    }

    /// <summary>"did you mean 'a', 'b' or 'c'?", or the words given when nothing is near.</summary>
    public static string Hint(string word, IEnumerable<string> known, string otherwise) => Of(word, known) switch
    {
        [] => otherwise,
        [var one] => $"did you mean '{one}'?",
        [.. var first, var last] => $"did you mean {string.Join(", ", first.Select(n => $"'{n}'"))} or '{last}'?",
    };

    /// <summary>One slip in a short word, one more for every three letters of a long one.</summary>
    private static int Allowed(int length) => Math.Max(1, (length + 1) / 3);

    private static string Bare(string name) => name.TrimStart('-').ToLowerInvariant();

    private static int Distance(string word, string name)
    {
        if (word.Length == 0)
            return int.MaxValue;
        if (word.Contains('-', StringComparison.Ordinal) && SameWords(word, name))
            return 0;
        return word.Length >= 3 && name.Contains(word, StringComparison.Ordinal) ? Math.Min(1, Edits(word, name)) : Edits(word, name);
    }

    private static bool SameWords(string a, string b) =>
        a.Split('-').Order(StringComparer.Ordinal).SequenceEqual(b.Split('-').Order(StringComparer.Ordinal));

    /// <summary>Letters added, left out, taken for another, or swapped with the next one: each costs one.</summary>
    private static int Edits(string a, string b)
    {
        var cost = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
        {
            for (var j = 0; j <= b.Length; j++)
            {
                if (i == 0 || j == 0)
                {
                    cost[i, j] = i + j;
                    continue;
                }

                var best = Math.Min(Math.Min(cost[i - 1, j], cost[i, j - 1]) + 1, cost[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1));
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    best = Math.Min(best, cost[i - 2, j - 2] + 1);
                cost[i, j] = best;
            }
        }

        return cost[a.Length, b.Length];
    }
}
