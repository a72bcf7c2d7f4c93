namespace Warren.Lab;

/// <summary>Production projects with changed sources, compiled; each context loads them anew.</summary>
/// <param name="Name">Of the variant or patch, for messages.</param>
internal sealed record PatchedAssemblies(string Name, IReadOnlyList<CompiledProject> Projects)
{
    /// <param name="name">Named in the exception.</param>
    /// <param name="changes">For each project to compile, in the order of <see cref="ProductionSources.Projects"/>: path to new text of the
    /// files that differ, null for one that goes.</param>
    /// <exception cref="VariantException">It does not compile.</exception>
    internal static PatchedAssemblies Compile(string name,
        IEnumerable<(string Project, IReadOnlyDictionary<string, string?> Files)> changes)
    {
        var compiled = new List<CompiledProject>();
        foreach (var (project, files) in changes)
            compiled.Add(ProjectCompiler.Compile(name, project, files, compiled));
        return new(name, compiled);
    }

    /// <exception cref="VariantException">An anchor is gone, or the patched code does not compile.</exception>
    internal static PatchedAssemblies Compile(Variant variant, IReadOnlyList<SourcePatch> patches)
    {
        foreach (var patch in patches)
            _ = ProductionSources.Of(patch.Project);
        return Compile(variant.Name, ProductionSources.Projects.Select(p => (p, ProductionSources.Patched(variant.Name, p, patches)))
            .Where(c => c.Item2.Count > 0));
    }
}
