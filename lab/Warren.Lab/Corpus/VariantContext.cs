using System.Reflection;
using System.Runtime.Loader;
using System.Text.Json;
using System.Threading;
using Warren.Lab.Fuzz;

namespace Warren.Lab;

/// <summary>
/// Patched assemblies with a copy of their own of every production assembly and of this one: statics (the hook, lock classes, the gate
/// chosen) are
/// the context's, so that several explore at once. What crosses its border is text.
/// </summary>
internal sealed class VariantContext : AssemblyLoadContext, IDisposable
{
    private readonly Dictionary<string, CompiledProject> _patched;

    internal VariantContext(PatchedAssemblies assemblies)
        : base(assemblies.Name, isCollectible: true) =>
        _patched = assemblies.Projects.ToDictionary(p => p.Name);

    /// <summary>Explores in the context, or replays there.</summary>
    /// <exception cref="VariantException">The context's own, as text.</exception>
    /// <exception cref="FormatException">The replay string does not fit.</exception>
    internal ExplorationResult Explore(ContextRequest request, IProgress<ExplorationResult>? progress, CancellationToken cancellation) =>
        ContextJson.ToResult(Call<Func<string, Action<string>?, CancellationToken, string>>(nameof(ContextEntry.Explore), entry =>
            entry(ContextJson.ToText(request), progress is null ? null : text => progress.Report(ContextJson.ToResult(text)),
                cancellation)));

    /// <summary>Explores in the context of a <see cref="Mutation.MutantBuild"/>, and tells what was reached of so many sites.</summary>
    /// <exception cref="VariantException">The context's own, as text.</exception>
    internal (ExplorationResult Result, IReadOnlyList<int> Sites) Cover(ContextRequest request, int sites, CancellationToken cancellation)
    {
        var text = Call<Func<string, int, CancellationToken,
            string>>(nameof(ContextEntry.Cover), entry => entry(ContextJson.ToText(request), sites, cancellation));
        var coverage = JsonSerializer.Deserialize(text, ContextSerializer.Default.ContextCoverage)!;
        return (coverage.Result, coverage.Sites);
    }

    /// <summary>Draws programs, and explores them, in the context.</summary>
    /// <exception cref="VariantException">The context's own, as text.</exception>
    internal FuzzResult Fuzz(FuzzOptions options, IProgress<string>? progress)
    {
        var request = JsonSerializer.Serialize(options, ContextSerializer.Default.FuzzOptions);
        var text = Call<Func<string, Action<string>?, CancellationToken, string>>(nameof(ContextEntry.Fuzz),
            entry => entry(request, progress is null ? null : progress.Report, options.Cancellation));
        return JsonSerializer.Deserialize(text, ContextSerializer.Default.FuzzResult)!;
    }

    private string Call<T>(string name, Func<T, string> call)
        where T : Delegate
    {
        var lab = LoadFromAssemblyName(typeof(ContextEntry).Assembly.GetName());
        var entry = lab.GetType(typeof(ContextEntry).FullName!, throwOnError: true)!.GetMethod(name,
            BindingFlags.Static | BindingFlags.NonPublic)!;
        try
        {
            return call(entry.CreateDelegate<T>());
        }
        catch (Exception e) when (e is not (OperationCanceledException or FormatException))
        {
            // The exception's type may be one of the context's own, which must not keep it alive.
            throw new VariantException($"{Name} could not be explored: {e}");
        }
    }

    public void Dispose() => Unload();

    protected override Assembly? Load(AssemblyName assemblyName)
    {
        var name = assemblyName.Name!;
        if (_patched.TryGetValue(name, out var project))
        {
            var symbols = project.Symbols.Length > 0 ? new MemoryStream(project.Symbols) : null;
            return LoadFromStream(new MemoryStream(project.Assembly), symbols);
        }

        if (name == typeof(VariantContext).Assembly.GetName().Name || ProductionSources.Projects.Contains(name))
            return LoadFromAssemblyPath(ProjectCompiler.PathOf(name));
        return null;
    }
}
