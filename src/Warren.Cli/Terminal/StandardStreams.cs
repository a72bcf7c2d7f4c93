using Microsoft.Win32.SafeHandles;

namespace Warren.Cli.Terminal;

/// <summary>
/// The process's standard streams, unbuffered and without the Console class between: it swallows a broken pipe, which the guest's command
/// must learn of.
/// </summary>
internal static class StandardStreams
{
    public static Stream OpenInput() => Open(0, FileAccess.Read);

    public static Stream OpenOutput() => Open(1, FileAccess.Write);

    public static Stream OpenError() => Open(2, FileAccess.Write);

    private static Stream Open(int descriptor, FileAccess access)
    {
        try
        {
            return new FileStream(new SafeFileHandle(descriptor, ownsHandle: false), access, bufferSize: 0);
        }
        catch (Exception e) when (e is IOException or ArgumentException or UnauthorizedAccessException)
        {
            return Stream.Null;        // Closed by whoever started us: nothing to read, nowhere to write.
        }
    }
}
