using System.Runtime.InteropServices;

namespace Warren.Cli;

/// <summary>
/// A process in which the explorer is faster, and a guest is not: by a fifth, where the runtime compiles by what it has seen
/// (profile-guided; a guest would start later and take more memory); and by a sixth under PCT, where the C library has registered no
/// restartable sequences, which the kernel looks after at every switch from thread to thread. Both are decided once for a process, so that
/// the process begins again, in its place.
/// </summary>
internal static unsafe partial class ExplorerProcess
{
    private const string Profiles = "DOTNET_TieredPGO";
    private const string Tunables = "GLIBC_TUNABLES";
    private const string NoSequences = "glibc.pthread.rseq=0";

    /// <summary>
    /// Does not return where the process can begin again; where it cannot, or somebody has decided otherwise, it goes on as it is.
    /// </summary>
    public static void Enter()
    {
        if (!OperatingSystem.IsLinux() || Environment.GetEnvironmentVariable(Profiles) is not null)
            return;
        var line = File.ReadAllBytes("/proc/self/cmdline");
        fixed (byte* first = line)
        {
            var arguments = stackalloc byte*[line.Count((byte)0) + 1];
            var count = 0;
            for (var at = 0; at < line.Length; at += Array.IndexOf(line, (byte)0, at) - at + 1)
                arguments[count++] = first + at;
            arguments[count] = null;
            var tunables = Environment.GetEnvironmentVariable(Tunables) is { Length: > 0 } others ? $"{others}:{NoSequences}" : NoSequences;
            if (SetEnvironment(Profiles, "1", 1) == 0 && SetEnvironment(Tunables, tunables, 1) == 0)
                Execute("/proc/self/exe", arguments);
        }
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironment(string name, string value, int overwrite);

    [LibraryImport("libc", EntryPoint = "execv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Execute(string path, byte** arguments);
}
