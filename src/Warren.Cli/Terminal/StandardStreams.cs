namespace Warren.Cli.Terminal;

/// <summary>
/// The process's standard streams by read(2) and write(2). The Console class would swallow a broken pipe, which the guest's command must
/// learn of; a FileStream would write a file at an offset of its own and leave the shared one behind, so that the next program overwrites
/// it.
/// </summary>
internal static class StandardStreams
{
    private static readonly CarelessStream s_errors = new(OpenError());

    /// <summary>True once something that was written to <see cref="Console.Error"/> reached nobody.</summary>
    public static bool HasLostErrors => s_errors.HasDropped;

    public static Stream OpenInput() => new DescriptorStream(0, "Standard input", canWrite: false);

    public static Stream OpenOutput() => new DescriptorStream(1, "Standard output", canWrite: true);

    public static Stream OpenError() => new DescriptorStream(2, "Standard error", canWrite: true);

    /// <summary>
    /// From now on <see cref="Console"/> tells when its output reaches nobody, and minds nothing of its errors: there is nobody to tell.
    /// </summary>
    public static void ConnectConsole()
    {
        Console.SetOut(new StreamWriter(OpenOutput()) { AutoFlush = true });
        Console.SetError(new StreamWriter(s_errors) { AutoFlush = true });
    }
}
