using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.CodeAnalysis;

namespace Warren.Lab.Mutation;

/// <summary>The three projects compiled with all mutants in them that compile.</summary>
/// <param name="Assemblies">To be loaded as a variant's are.</param>
/// <param name="Live">Numbers of the mutants in them, rising.</param>
internal sealed record MutantBuild(PatchedAssemblies Assemblies, IReadOnlyList<int> Live)
{
    /// <summary>Each round leaves out what did not compile in the one before; some errors show only when others are gone.</summary>
    private const int Rounds = 12;

    /// <exception cref="VariantException">It does not compile whatever is left out: a defect of an operator or of the writer.</exception>
    internal static MutantBuild Compile(MutantSet set, Action<string>? progress = null)
    {
        var dropped = new HashSet<int>();
        var compiled = new List<CompiledProject>();
        foreach (var project in MutantSet.Projects)
        {
            // The switch lives in the first.
            MutatedMember[] members = [.. set.Members.Where(m => m.Project == project)];
            if (members.Length > 0 || compiled.Count == 0)
                compiled.Add(Compile(project, members, dropped, compiled, progress));
        }

        return new(new("mutants", compiled), [.. set.All.Select(m => m.Number).Where(n => !dropped.Contains(n))]);
    }

    private static CompiledProject Compile(string project, IReadOnlyList<MutatedMember> members, HashSet<int> dropped,
        IReadOnlyList<CompiledProject> below, Action<string>? progress)
    {
        var files = members.ToLookup(m => m.Path);
        for (var round = 1; ; round++)
        {
            progress?.Invoke($"compiling {project}");
            var written = files.ToDictionary(f => f.Key, f =>
                MutantWriter.Write(f.First().Declaration.SyntaxTree.GetText(), f, m => !dropped.Contains(m.Number)));
            var changed = written.ToDictionary(f => f.Key, f => (string?)f.Value.Text);
            if (project == MutantSet.Projects[0])
                changed.Add(MutantSwitch.File, MutantSwitch.Source);
            if (ProjectCompiler.TryCompile(project, changed, below, out var errors) is { } compiled)
                return compiled;
            var before = dropped.Count;
            var byFile = written.ToDictionary(f => ProjectCompiler.FilePath(project, f.Key), f => f.Value);
            foreach (var error in errors)
            {
                if (byFile.TryGetValue(error.Location.SourceTree?.FilePath ?? "", out var writer))
                    dropped.UnionWith(writer.At(error.Location.SourceSpan.Start).Select(m => m.Number));
            }

            if (dropped.Count == before || round == Rounds)
                throw new VariantException($"The mutants of {project} do not compile: {errors[0]}");
        }
    }

    /// <summary>Keeps the build, so that who comes next need not compile.</summary>
    internal void Save(string directory)
    {
        Directory.CreateDirectory(directory);
        foreach (var project in Assemblies.Projects)
            File.WriteAllBytes(Path.Combine(directory, project.Name + ".dll"), project.Assembly);
        // Last: its presence says that all is there.
        var list = Path.Combine(directory, "live");
        var numbers = string.Join('\n', Live.Select(n => n.ToString(CultureInfo.InvariantCulture)));
        File.WriteAllText(list + ".tmp", $"{Sum(Assemblies.Projects, numbers)}\n{numbers}");
        File.Move(list + ".tmp", list, overwrite: true);
    }

    /// <summary>Reads what <see cref="Save"/> kept; null where it is not there, or no longer what it was.</summary>
    internal static MutantBuild? Load(string directory)
    {
        if (KeptFile.Read(Path.Combine(directory, "live"))?.Split('\n', 2) is not [var sum, var numbers])
            return null;
        CompiledProject[] projects = [.. MutantSet.Projects.Where(p => File.Exists(Path.Combine(directory, p + ".dll")))
            .Select(p => new CompiledProject(p, File.ReadAllBytes(Path.Combine(directory, p + ".dll")), []))];
        return sum != Sum(projects, numbers) ? null
            : new(new("mutants", projects), [.. numbers.Split('\n').Select(n => int.Parse(n, CultureInfo.InvariantCulture))]);
    }

    private static string Sum(IEnumerable<CompiledProject> projects, string numbers)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var project in projects)
            hash.AppendData(SHA256.HashData(project.Assembly));
        hash.AppendData(Encoding.ASCII.GetBytes(numbers));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
