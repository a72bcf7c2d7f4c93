using System.Runtime.InteropServices;

namespace Warren.Cli.Terminal;

/// <summary>
/// The user's terminal in raw mode (termios(3), cfmakeraw) for as long as the object lives. It is given back on every way out: disposal,
/// process exit, an unhandled exception, and the signals that end the process.
/// </summary>
internal sealed unsafe partial class RawTerminal : IDisposable
{
    private const int StandardInput = 0, DrainThenSet = 1;
    private const int TermiosBytes = 128;                 // glibc's struct is 60 bytes; room for any libc
    private const int Ioctl_GetWindowSize = 0x5413;

    private readonly byte[] _saved = new byte[TermiosBytes];
    private int _restored;

    private RawTerminal()
    {
        AppDomain.CurrentDomain.ProcessExit += OnExit;
        AppDomain.CurrentDomain.UnhandledException += OnExit;
    }

    /// <summary>True when standard input is a terminal.</summary>
    public static bool IsTerminal => IsATty(StandardInput) == 1;

    /// <summary>Switches standard input to raw mode; null when it is not a terminal.</summary>
    public static RawTerminal? TryEnter()
    {
        if (!IsTerminal) return null;
        var terminal = new RawTerminal();
        var raw = stackalloc byte[TermiosBytes];
        fixed (byte* saved = terminal._saved)
        {
            if (GetAttributes(StandardInput, saved) != 0)
            {
                terminal._restored = 1;
                return null;
            }
            new ReadOnlySpan<byte>(saved, TermiosBytes).CopyTo(new Span<byte>(raw, TermiosBytes));
        }
        MakeRaw(raw);
        _ = SetAttributes(StandardInput, DrainThenSet, raw);
        return terminal;
    }

    /// <summary>Rows and columns of the terminal, or null when unknown.</summary>
    public static (int Rows, int Columns)? WindowSize()
    {
        var size = stackalloc ushort[4];
        return WindowSizeCall(1, Ioctl_GetWindowSize, size) == 0 && size[0] > 0 && size[1] > 0 ? (size[0], size[1]) : null;
    }

    public void Dispose()
    {
        if (System.Threading.Interlocked.Exchange(ref _restored, 1) != 0) return;
        fixed (byte* saved = _saved) _ = SetAttributes(StandardInput, DrainThenSet, saved);
        AppDomain.CurrentDomain.ProcessExit -= OnExit;
        AppDomain.CurrentDomain.UnhandledException -= OnExit;
    }

    private void OnExit(object? sender, EventArgs e) => Dispose();

    [LibraryImport("libc", EntryPoint = "isatty")]
    private static partial int IsATty(int fd);

    [LibraryImport("libc", EntryPoint = "tcgetattr")]
    private static partial int GetAttributes(int fd, byte* termios);

    [LibraryImport("libc", EntryPoint = "tcsetattr")]
    private static partial int SetAttributes(int fd, int when, byte* termios);

    [LibraryImport("libc", EntryPoint = "cfmakeraw")]
    private static partial void MakeRaw(byte* termios);

    [LibraryImport("libc", EntryPoint = "ioctl")]
    private static partial int WindowSizeCall(int fd, nuint request, ushort* size);
}
