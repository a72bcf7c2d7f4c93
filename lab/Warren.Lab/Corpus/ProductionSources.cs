using System.Text;

namespace Warren.Lab;

/// <summary>The sources of the projects that scenarios are played on, as they were when this assembly was built: embedded in it.</summary>
internal static class ProductionSources
{
    private const string Prefix = "source/";

    /// <summary>The projects a variant may patch; each uses only those before it.</summary>
    internal static IReadOnlyList<string> Projects { get; } =
        ["Warren.Locking", "Warren.HostMemory", "Warren.Hypervisor", "Warren.Scripted"];

    /// <summary>Where a project lies in the repository.</summary>
    internal static string DirectoryOf(string project) => project == "Warren.Scripted" ? "lab/Warren.Scripted" : $"src/{project}";

    private static readonly Lazy<Dictionary<string, SortedDictionary<string, string>>> Files = new(Load);

    /// <summary>The files of a project by path below its directory.</summary>
    internal static IReadOnlyDictionary<string, string> Of(string project) =>
        Files.Value.TryGetValue(project, out var files) ? files
        : throw new VariantException($"{project} is no project that variants are made of: use {string.Join(", ", Projects)}.");

    /// <exception cref="VariantException">An anchor or a file is not there.</exception>
    internal static IReadOnlyDictionary<string, string?> Patched(string variant, string project, IEnumerable<SourcePatch> patches)
    {
        var all = Of(project);
        var changed = new Dictionary<string, string?>();
        foreach (var patch in patches)
        {
            if (patch.Project != project)
                continue;
            if (!changed.TryGetValue(patch.File, out var text) && !all.TryGetValue(patch.File, out text))
            {
                throw new VariantException(
                    $"Variant {variant} cannot be made: there is no file {patch.File} in {project}. The code has moved; name the file it "
                        + $"is in now.");
            }

            changed[patch.File] = patch.Apply(variant, text!);
        }

        return changed;
    }

    private static Dictionary<string, SortedDictionary<string, string>> Load()
    {
        var assembly = typeof(ProductionSources).Assembly;
        var all = new Dictionary<string, SortedDictionary<string, string>>();
        foreach (var name in assembly.GetManifestResourceNames())
        {
            if (!name.StartsWith(Prefix, StringComparison.Ordinal))
                continue;
            var path = name[Prefix.Length..].Replace('\\', '/');
            var slash = path.IndexOf('/', StringComparison.Ordinal);
            using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!, Encoding.UTF8);
            if (!all.TryGetValue(path[..slash], out var files))
                all.Add(path[..slash], files = new(StringComparer.Ordinal));
            files.Add(path[(slash + 1)..], reader.ReadToEnd().ReplaceLineEndings("\n"));
        }

        return all;
    }
}
