using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Warren.Cli.Tests.Streams;

/// <summary>A pseudo-terminal: its far end is a file that a shell can redirect to, and what is shown on it can be read here.</summary>
internal sealed partial class Terminal : IDisposable
{
    private const nuint SetWindowSize = 0x5414;

    private readonly FileStream _ends;
    private readonly SafeFileHandle _master;
    private readonly SafeFileHandle _far;
    private readonly StringBuilder _shown = new();
    private readonly Task _reading;

    public Terminal()
    {
        var name = new byte[64];
        if (OpenPair(out var master, out var far, name, 0, 0) != 0) throw new IOException("There are no pseudo-terminals here.");
        // Nobody but the shell's redirections may hold them open.
        _ = SetFlags(master, 2, 1);
        _ = SetFlags(far, 2, 1);
        _master = new SafeFileHandle(master, ownsHandle: true);
        _far = new SafeFileHandle(far, ownsHandle: true);
        Path = Encoding.ASCII.GetString(name.AsSpan(0, name.AsSpan().IndexOf((byte)0)));
        _ends = new FileStream(_master, FileAccess.ReadWrite, bufferSize: 0);
        _reading = Task.Run(Read);
    }

    /// <summary>/dev/pts/N.</summary>
    public string Path { get; }

    /// <summary>All that was shown so far.</summary>
    public string Shown
    {
        get
        {
            lock (_shown) return _shown.ToString();
        }
    }

    public void Type(string text) => _ends.Write(Encoding.UTF8.GetBytes(text));

    /// <summary>Waits until <paramref name="text"/> was shown; fails the test when it never is.</summary>
    public async Task WaitForAsync(string text)
    {
        for (var waited = TimeSpan.Zero; !Shown.Contains(text, StringComparison.Ordinal); waited += TimeSpan.FromMilliseconds(50))
        {
            Assert.True(waited < TimeSpan.FromMinutes(5), $"'{text}' was never shown, but: {Shown}");
            await Task.Delay(50);
        }
    }

    public unsafe void Resize(ushort rows, ushort columns)
    {
        var size = stackalloc ushort[] { rows, columns, 0, 0 };
        Assert.Equal(0, Control(_master, SetWindowSize, size));
    }

    /// <summary>Hangs up, and waits until all was read.</summary>
    public async Task<string> CloseAsync()
    {
        _far.Dispose();
        await _reading;
        return Shown;
    }

    public void Dispose()
    {
        _far.Dispose();
        _ends.Dispose();
    }

    private void Read()
    {
        var buffer = new byte[4096];
        try
        {
            int n;
            while ((n = _ends.Read(buffer)) > 0)
            {
                lock (_shown) _shown.Append(Encoding.UTF8.GetString(buffer, 0, n));
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // EIO: nobody has the far end open any more.
        }
    }

    [LibraryImport("libutil.so.1", EntryPoint = "openpty")]
    private static partial int OpenPair(out int master, out int far, [Out] byte[] name, nint termios, nint size);

    [LibraryImport("libc", EntryPoint = "fcntl")]
    private static partial int SetFlags(int fd, int command, int flags);

    [LibraryImport("libc", EntryPoint = "ioctl")]
    private static unsafe partial int Control(SafeFileHandle fd, nuint request, ushort* size);
}
