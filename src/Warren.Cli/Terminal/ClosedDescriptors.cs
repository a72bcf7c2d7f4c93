using System.Runtime.InteropServices;

namespace Warren.Cli.Terminal;

/// <summary>
/// A standard stream that was closed when the process began. Its number went to a pipe of the runtime's own, which nobody may read or
/// write; so the process starts itself again with descriptors that fail as a closed one does.
/// </summary>
internal static unsafe partial class ClosedDescriptors
{
    private const int GetDescriptorFlags = 1, CloseOnExec = 1;
    private const int ReadOnly = 0, WriteOnly = 1;

    /// <summary>Returns when all three were open, or when nothing can be done about it.</summary>
    public static void StartAgainWithout()
    {
        var closed = Enumerable.Range(0, 3).Where(WasClosed).ToArray();
        if (closed.Length == 0) return;
        byte[] arguments;
        try
        {
            arguments = File.ReadAllBytes("/proc/self/cmdline");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return;
        }
        var count = arguments.Count(b => b == 0);
        // Never given back: the process becomes another one.
        var vector = (byte**)NativeMemory.Alloc((nuint)(count + 1), (nuint)sizeof(byte*));
        var program = "/proc/self/exe\0"u8;
        var nothing = "/dev/null\0"u8;
        fixed (byte* text = arguments, path = program, device = nothing)
        {
            var at = 0;
            for (var i = 0; i < count; i++)
            {
                vector[i] = text + at;
                at += Array.IndexOf(arguments, (byte)0, at) - at + 1;
            }
            vector[count] = null;
            foreach (var descriptor in closed)
            {
                // Opened the wrong way round: using it fails with EBADF, as before. From here on the runtime has lost its pipe, so no way
                // back.
                var opened = Open(device, descriptor == 0 ? WriteOnly : ReadOnly);
                _ = Duplicate(opened, descriptor);
                _ = Close(opened);
            }
            _ = Execute(path, vector, *(byte***)NativeLibrary.GetExport(NativeLibrary.Load("libc.so.6"), "environ"));
        }
        Exit(ExitStatus.HostError);
    }

    /// <summary>Not open, or close-on-exec: what came with exec(3) cannot be, and all that the runtime opens is.</summary>
    private static bool WasClosed(int descriptor)
    {
        var flags = Control(descriptor, GetDescriptorFlags);
        return flags < 0 || (flags & CloseOnExec) != 0;
    }

    [LibraryImport("libc", EntryPoint = "fcntl")]
    private static partial int Control(int fd, int command);

    [LibraryImport("libc", EntryPoint = "open")]
    private static partial int Open(byte* path, int flags);

    [LibraryImport("libc", EntryPoint = "dup2")]
    private static partial int Duplicate(int from, int to);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int fd);

    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void Exit(int status);

    [LibraryImport("libc", EntryPoint = "execve")]
    private static partial int Execute(byte* path, byte** arguments, byte** environment);
}
