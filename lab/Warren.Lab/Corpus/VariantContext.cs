using System.Reflection;
using System.Runtime.Loader;
using System.Threading;

namespace Warren.Lab;

/// <summary>
/// The variant's assemblies with a copy of their own of every production assembly and of this one: statics (the hook, lock classes, the
/// gate chosen) are the context's, so that several explore at once. What crosses its border is text.
/// </summary>
internal sealed class VariantContext : AssemblyLoadContext, IDisposable
{
    private readonly Dictionary<string, CompiledProject> _patched = [];

    private VariantContext(string name)
        : base(name, isCollectible: true)
    {
    }

    /// <summary>Compiles and loads.</summary>
    /// <exception cref="VariantException">An anchor is gone, or the patched code does not compile.</exception>
    internal static VariantContext Load(string variant, IReadOnlyList<SourcePatch> patches)
    {
        var context = new VariantContext(variant);
        foreach (var patch in patches)
            _ = ProductionSources.Of(patch.Project);
        foreach (var project in ProductionSources.Projects)
        {
            var changed = ProductionSources.Patched(variant, project, patches);
            if (changed.Count != 0)
                context._patched.Add(project, ProjectCompiler.Compile(variant, project, changed, [.. context._patched.Values]));
        }

        return context;
    }

    /// <summary>Explores in the context, or replays there.</summary>
    /// <exception cref="VariantException">The context's own, as text.</exception>
    /// <exception cref="FormatException">The replay string does not fit.</exception>
    internal ExplorationResult Explore(ContextRequest request, IProgress<ExplorationResult>? progress, CancellationToken cancellation)
    {
        var lab = LoadFromAssemblyName(typeof(ContextEntry).Assembly.GetName());
        var entry =
            lab.GetType(typeof(ContextEntry).FullName!, throwOnError: true)!.GetMethod(nameof(ContextEntry.Explore),
                BindingFlags.Static | BindingFlags.NonPublic)!;
        try
        {
            return ContextJson.ToResult(entry.CreateDelegate<Func<string, Action<string>?, CancellationToken, string>>()(
                ContextJson.ToText(request), progress is null ? null : text => progress.Report(ContextJson.ToResult(text)), cancellation));
        }
        catch (Exception e) when (e is not (OperationCanceledException or FormatException))
        {
            // The exception's type may be one of the context's own, which must not keep it alive.
            throw new VariantException($"Variant {Name} could not be explored: {e}");
        }
    }

    public void Dispose() => Unload();

    protected override Assembly? Load(AssemblyName assemblyName)
    {
        var name = assemblyName.Name!;
        if (_patched.TryGetValue(name, out var project))
            return LoadFromStream(new MemoryStream(project.Assembly), new MemoryStream(project.Symbols));
        if (name == typeof(VariantContext).Assembly.GetName().Name || ProductionSources.Projects.Contains(name))
            return LoadFromAssemblyPath(ProjectCompiler.PathOf(name));
        return null;
    }
}
