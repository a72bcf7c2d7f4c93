namespace Warren.Lab;

/// <summary>One place of a file that a unified diff changes.</summary>
/// <param name="At">The line of the diff it begins at, from 1.</param>
/// <param name="OldStart">The line of the old file before which it begins to apply, from 0.</param>
/// <param name="Lines">Each with its mark: ' ' stays, '-' goes, '+' comes.</param>
internal sealed record Hunk(int At, int OldStart, IReadOnlyList<(int At, char Mark, string Text)> Lines);

/// <summary>All that a unified diff changes of one file.</summary>
/// <param name="At">The line of the diff it begins at, from 1.</param>
/// <param name="Old">The path without git's "a/"; null when the file is new.</param>
/// <param name="New">The path without git's "b/"; null when the file goes.</param>
internal sealed record FilePatch(int At, string? Old, string? New, IReadOnlyList<Hunk> Hunks)
{
    internal string Path => (New ?? Old)!;

    /// <summary>The new text of the file.</summary>
    /// <param name="diff">Named in the exception.</param>
    /// <param name="source">The file as it is, lines ended by \n.</param>
    /// <exception cref="VariantException">A hunk does not fit the file exactly.</exception>
    internal string Apply(string diff, string source)
    {
        var old = source.Length == 0 ? [] : (source.EndsWith('\n') ? source[..^1] : source).Split('\n');
        var result = new List<string>();
        var at = 0;
        foreach (var hunk in Hunks)
        {
            if (hunk.OldStart < at || hunk.OldStart > old.Length)
                throw Misfit(diff, hunk.At, $"{Path} has {old.Length} lines, of which those before {at + 1} are taken by earlier hunks");
            result.AddRange(old[at..hunk.OldStart]);
            at = hunk.OldStart;
            foreach (var (line, mark, text) in hunk.Lines)
            {
                if (mark != '+' && (at == old.Length || old[at++] != text))
                    throw Misfit(diff, line, $"{Path} has something else there");
                if (mark != '-')
                    result.Add(text);
            }
        }

        result.AddRange(old[at..]);
        return result.Count == 0 ? "" : string.Join('\n', result) + "\n";
    }

    private static VariantException Misfit(string diff, int line, string why) =>
        new($"{diff}, line {line}: the hunk does not apply, {why}. Make the diff against the sources that this warren was built from.");
}
