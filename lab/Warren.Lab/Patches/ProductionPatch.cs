namespace Warren.Lab;

/// <summary>
/// A unified diff over the production sources, compiled: scenarios are explored against it as they are against a variant of the corpus.
/// </summary>
public sealed class ProductionPatch
{
    private const string Remedy = "Make the diff against the sources that this warren was built from.";

    private readonly PatchedAssemblies _assemblies;

    private ProductionPatch(PatchedAssemblies assemblies) => _assemblies = assemblies;

    /// <summary>Parses, applies and compiles.</summary>
    /// <param name="name">What the diff is called in exceptions: its path.</param>
    /// <param name="diff">Its text.</param>
    /// <exception cref="VariantException">It is damaged, changes something that is no production source, does not apply, or the result does
    /// not compile; one sentence says what and where.</exception>
    public static ProductionPatch Compile(string name, string diff)
    {
        ArgumentNullException.ThrowIfNull(diff);
        var changed = new Dictionary<string, Dictionary<string, string?>>();
        foreach (var file in UnifiedDiff.Parse(name, diff))
        {
            var (project, path) = Place(name, file);
            if (!changed.TryGetValue(project, out var files))
                changed.Add(project, files = []);
            files[path] = Result(name, file, files.TryGetValue(path, out var earlier) ? earlier : ProductionSources.Of(project)
                .GetValueOrDefault(path));
        }

        // Whoever uses a changed project is compiled against it: the patch may have changed what is visible there.
        var from = ProductionSources.Projects.TakeWhile(p => !changed.ContainsKey(p)).Count();
        return new(PatchedAssemblies.Compile(name, ProductionSources.Projects.Skip(from)
            .Select(p => (p, (IReadOnlyDictionary<string, string?>)(changed.GetValueOrDefault(p) ?? [])))));
    }

    /// <summary>Explores a scenario of the lab in a context of its own.</summary>
    /// <exception cref="VariantException">The patched code cannot be explored.</exception>
    public ExplorationResult Explore(string scenario, ExplorationOptions options, IProgress<ExplorationResult>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        using var context = new VariantContext(_assemblies);
        return context.Explore(ContextRequest.From(scenario, options), progress, options.Cancellation);
    }

    /// <summary>Executes one schedule again.</summary>
    /// <exception cref="FormatException">The replay string does not fit; the message says why.</exception>
    public Trace Replay(string scenario, string replay)
    {
        using var context = new VariantContext(_assemblies);
        return context.Explore(ContextRequest.From(scenario, new ExplorationOptions()) with { Replay = replay }, null, default).Failure!;
    }

    private static (string Project, string Path) Place(string name, FilePatch file)
    {
        foreach (var project in ProductionSources.Projects)
        {
            var directory = ProductionSources.DirectoryOf(project) + "/";
            if (file.Path.StartsWith(directory, StringComparison.Ordinal) && file.Path.EndsWith(".cs", StringComparison.Ordinal)
                && !file.Path.Split('/').Any(static part => part is "" or "." or ".."))
            {
                return (project, file.Path[directory.Length..]);
            }
        }

        var known = string.Join(", ", ProductionSources.Projects.Select(ProductionSources.DirectoryOf));
        throw new VariantException(
            $"{name}, line {file.At}: {file.Path} is no source that scenarios are played on; leave it out of the diff, as in "
                + $"'git diff -- src/Warren.Locking' (there are {known}).");
    }

    private static string? Result(string name, FilePatch file, string? source)
    {
        if (file.Old is null)
        {
            return source is null
                ? file.Apply(name, "")
                : throw new VariantException($"{name}, line {file.At}: {file.Path} is there already. {Remedy}");
        }

        if (source is null)
            throw new VariantException($"{name}, line {file.At}: there is no {file.Path}. {Remedy}");
        var result = file.Apply(name, source);
        return file.New is not null ? result
            : result.Length == 0 ? null
            : throw new VariantException($"{name}, line {file.At}: {file.Path} goes, and not all of its lines do. {Remedy}");
    }
}
