namespace Warren.Asm.Tests;

/// <summary>Where the sources of the guests are.</summary>
internal static class Repository
{
    public static string Guest { get; } = Path.Combine(Root(), "guest");

    private static string Root()
    {
        var directory = AppContext.BaseDirectory;
        while (directory is not null && !File.Exists(Path.Combine(directory, "Warren.slnx")))
            directory = Path.GetDirectoryName(directory);
        return directory ?? throw new InvalidOperationException("the tests do not run from within the repository");
    }
}
