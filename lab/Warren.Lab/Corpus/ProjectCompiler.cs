using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Emit;
using Microsoft.CodeAnalysis.Text;

namespace Warren.Lab;

/// <summary>An assembly in memory with its symbols.</summary>
internal sealed record CompiledProject(string Name, byte[] Assembly, byte[] Symbols);

/// <summary>
/// Compiles a production project from its embedded sources as the build does: in release, with the same global usings and friends.
/// </summary>
internal static partial class ProjectCompiler
{
    private static readonly CSharpParseOptions Parse = new(LanguageVersion.Latest);

    private static readonly CSharpCompilationOptions Options =
        new(OutputKind.DynamicallyLinkedLibrary, optimizationLevel: OptimizationLevel.Release,
        allowUnsafe: true, deterministic: true, concurrentBuild: false, nullableContextOptions: NullableContextOptions.Enable);

    /// <summary>Parsed and bound once a process; a variant replaces the trees of the files it changes.</summary>
    private static readonly ConcurrentDictionary<string, Lazy<CSharpCompilation>> Unpatched = new();

    private static readonly Lazy<ImmutableArray<MetadataReference>> Framework = new(FindFramework);

    /// <param name="variant">Named in the exception.</param>
    /// <param name="project">One of <see cref="ProductionSources.Projects"/>.</param>
    /// <param name="changed">Path to new text of the files that differ: null for one that goes, and one that was not there comes.</param>
    /// <param name="below">Compiled projects to refer to instead of the production ones.</param>
    /// <exception cref="VariantException">It does not compile; the message has the first errors.</exception>
    internal static CompiledProject Compile(string variant, string project, IReadOnlyDictionary<string, string?> changed,
        IReadOnlyList<CompiledProject> below)
    {
        var compiled = TryCompile(project, changed, below, out var errors);
        var first = string.Join('\n', errors.Take(5).Select(d => d.ToString()));
        return compiled ?? throw new VariantException($"{variant} cannot be made, the patched {project} does not compile: {first}");
    }

    /// <summary>As <see cref="Compile"/>; null where it does not compile.</summary>
    internal static CompiledProject? TryCompile(string project, IReadOnlyDictionary<string, string?> changed,
        IReadOnlyList<CompiledProject> below, out IReadOnlyList<Diagnostic> errors)
    {
        var compilation = Unpatched.GetOrAdd(project, static p => new(() => Create(p))).Value;
        foreach (var (path, text) in changed)
        {
            var tree = text is null ? null : ParseFile(project, path, text);
            var old = compilation.SyntaxTrees.SingleOrDefault(t => t.FilePath == FilePath(project, path));
            compilation = (old, tree) switch
            {
                (null, not null) => compilation.AddSyntaxTrees(tree),
                (not null, null) => compilation.RemoveSyntaxTrees(old),
                (not null, not null) => compilation.ReplaceSyntaxTree(old, tree),
                _ => compilation,
            };
        }

        foreach (var other in below)
        {
            var old = compilation.References.FirstOrDefault(r => Path.GetFileNameWithoutExtension(r.Display) == other.Name);
            if (old is not null)
                compilation = compilation.ReplaceReference(old, MetadataReference.CreateFromImage(other.Assembly));
        }

        using var assembly = new MemoryStream();
        using var symbols = new MemoryStream();
        var embedded = compilation.SyntaxTrees.Where(t => changed.Keys.Any(path => t.FilePath == FilePath(project, path)))
            .Select(t => EmbeddedText.FromSource(t.FilePath, t.GetText()));
        var result = compilation.Emit(assembly, symbols,
            options: new EmitOptions(debugInformationFormat: DebugInformationFormat.PortablePdb), embeddedTexts: embedded);
        errors = [.. result.Diagnostics.Where(d => d.Severity == DiagnosticSeverity.Error)];
        return result.Success ? new(project, assembly.ToArray(), symbols.ToArray()) : null;
    }

    /// <summary>The file an assembly of ours was loaded from.</summary>
    internal static string PathOf(string project) =>
        Path.Combine(Path.GetDirectoryName(typeof(ProjectCompiler).Assembly.Location)!, project + ".dll");

    private static CSharpCompilation Create(string project)
    {
        var trees = new List<SyntaxTree>();
        foreach (var (path, text) in ProductionSources.Of(project))
            trees.Add(ParseFile(project, path, text));
        trees.Add(CSharpSyntaxTree.ParseText(Preamble(project), Parse, "Preamble.cs", Encoding.UTF8));
        IEnumerable<MetadataReference> siblings = ProductionSources.Projects.TakeWhile(p => p != project)
            .Select(p => MetadataReference.CreateFromFile(PathOf(p)));
        return CSharpCompilation.Create(project, trees, Framework.Value.Concat(siblings), Options);
    }

    /// <summary>
    /// The build's source generator for native calls is not at hand here: the older attribute does the same for them, as they pass no
    /// managed types.
    /// </summary>
    internal static SyntaxTree ParseFile(string project, string path, string text) =>
        CSharpSyntaxTree.ParseText(SourceText.From(NativeImport().Replace(text, "[DllImport$1$2 extern "), Encoding.UTF8), Parse,
            FilePath(project, path));

    [GeneratedRegex(@"\[LibraryImport(\([^\]]*\)\])(\s+(?:private|internal) static) partial ")]
    private static partial Regex NativeImport();

    internal static string FilePath(string project, string path) => $"{ProductionSources.DirectoryOf(project)}/{path}";

    /// <summary>
    /// The sources that the SDK generates: global usings (all but System.Threading, see Directory.Build.targets), friends, version.
    /// </summary>
    private static string Preamble(string project)
    {
        var built = Assembly.Load(project);
        var text = new StringBuilder();
        foreach (var name in (string[])["System", "System.Collections.Generic", "System.IO", "System.Linq", "System.Net.Http",
            "System.Threading.Tasks"])
        {
            text.Append("global using ").Append(name).Append(";\n");
        }
        foreach (var friend in built.GetCustomAttributes<InternalsVisibleToAttribute>())
            text.Append("[assembly: System.Runtime.CompilerServices.InternalsVisibleTo(\"").Append(friend.AssemblyName).Append("\")]\n");
        text.Append("[assembly: System.Reflection.AssemblyVersion(\"").Append(built.GetName().Version).Append("\")]\n");
        return text.ToString();
    }

    private static ImmutableArray<MetadataReference> FindFramework()
    {
        var directory = Path.GetDirectoryName(typeof(object).Assembly.Location)!;
        var all = (string?)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES") ?? "";
        return [.. all.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Where(p => Path.GetDirectoryName(p) == directory)
            .Select(p => MetadataReference.CreateFromFile(p))];
    }
}
