namespace Warren.House.Tests;

/// <summary>The files of this repository, by their paths below its root, with '/'.</summary>
internal static class Repository
{
    private static readonly string[] s_rooms = ["src", "lab", "bench", "samples", "tools", "tests"];

    internal static string Root { get; } = FindRoot();

    /// <summary>Every C# file that is kept, none that a build made.</summary>
    internal static IEnumerable<string> Sources => s_rooms.SelectMany(room => Files(room, "*.cs"));

    /// <summary>Every page: those of the root and those below <c>docs</c>.</summary>
    internal static IEnumerable<string> Pages =>
        Directory.EnumerateFiles(Root, "*.md").Select(Relative).Concat(Files("docs", "*.md")).Order(StringComparer.Ordinal);

    internal static string Read(string path) => File.ReadAllText(Path.Combine(Root, path));

    internal static bool Exists(string path)
    {
        var full = Path.Combine(Root, path);
        return File.Exists(full) || Directory.Exists(full);
    }

    /// <summary>The files below a directory, in a fixed order; without <c>bin</c> and <c>obj</c>.</summary>
    internal static IEnumerable<string> Files(string directory, string pattern) =>
        Directory.EnumerateFiles(Path.Combine(Root, directory), pattern, SearchOption.AllDirectories).Select(Relative)
            .Where(static path => !path.Split('/').Any(static part => part is "bin" or "obj")).Order(StringComparer.Ordinal);

    private static string Relative(string path) => Path.GetRelativePath(Root, path).Replace('\\', '/');

    private static string FindRoot()
    {
        var directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "Warren.slnx")))
            directory = Path.GetDirectoryName(directory) ?? throw new InvalidOperationException("These tests run inside the repository.");
        return directory;
    }
}
