namespace Warren.Lab.Fuzz;

/// <summary>
/// A fixed set of generated programs as scenarios, apart from the core: those of a long <c>warren lab fuzz --best 60</c> that together
/// reach most. They are kept as text, so that they stay what they are when the generator changes.
/// </summary>
public static class GeneratedScenarios
{
    /// <summary>The beginning of their names; a number follows.</summary>
    public const string Prefix = "generated-";

    private const string Resource = "fuzz/generated.txt";

    public static IReadOnlyList<Scenario> All { get; } =
        [.. Lines().Select((line, i) => new ProgramScenario(FuzzProgram.Parse(line), $"{Prefix}{i + 1:00}"))];

    /// <summary>A program a line; lines that begin with # are remarks.</summary>
    private static List<string> Lines()
    {
        using var reader = new StreamReader(typeof(GeneratedScenarios).Assembly.GetManifestResourceStream(Resource)!);
        var lines = new List<string>();
        while (reader.ReadLine() is { } line)
        {
            if (line.Length > 0 && line[0] != '#')
                lines.Add(line);
        }

        return lines;
    }
}
