namespace Warren.Lab.Mutation;

/// <summary>Notes about mutants, beside the code: which files have none, and which mutants change nothing.</summary>
internal static class MutationFiles
{
    /// <summary>Of files left out, or of whole rooms (the path ends in '*'): why.</summary>
    internal static IReadOnlyList<(string Path, string Reason)> Scope { get; } = Read("scope.txt");

    /// <summary>Ids of mutants, with the reason why nobody can see them.</summary>
    internal static IReadOnlyDictionary<string, string> Equivalents { get; } = Read("equivalents.txt")
        .ToDictionary(e => e.Path, e => e.Reason);

    internal static bool IsInScope(string file) =>
        !Scope.Any(s => s.Path.EndsWith('*') ? file.StartsWith(s.Path[..^1], StringComparison.Ordinal) : file == s.Path);

    private static List<(string Path, string Reason)> Read(string name)
    {
        using var reader = new StreamReader(typeof(MutationFiles).Assembly.GetManifestResourceStream($"mutation/{name}")!);
        var entries = new List<(string, string)>();
        while (reader.ReadLine() is { } line)
        {
            if (line.Length == 0 || line[0] == '#')
                continue;
            var blank = line.IndexOf(' ', StringComparison.Ordinal);
            entries.Add((line[..blank], line[(blank + 1)..].Trim()));
        }

        return entries;
    }
}
