using System.Runtime.InteropServices;

namespace Warren.Cli;

/// <summary>
/// The explorer runs a fifth faster where the runtime compiles by what it has seen (profile-guided), which a guest does not: it would start later and take
/// more memory. The runtime decides that once for a process, so that the process begins again, in its place.
/// </summary>
internal static unsafe partial class ProfiledProcess
{
    private const string Switch = "DOTNET_TieredPGO";

    /// <summary>Does not return where the process can begin again; where it cannot, or somebody has decided otherwise, it goes on as it is.</summary>
    public static void Enter()
    {
        if (!OperatingSystem.IsLinux() || Environment.GetEnvironmentVariable(Switch) is not null)
            return;
        var line = File.ReadAllBytes("/proc/self/cmdline");
        fixed (byte* first = line)
        {
            var arguments = stackalloc byte*[line.Count((byte)0) + 1];
            var count = 0;
            for (var at = 0; at < line.Length; at += Array.IndexOf(line, (byte)0, at) - at + 1)
                arguments[count++] = first + at;
            arguments[count] = null;
            if (SetEnvironment(Switch, "1", 1) == 0)
                Execute("/proc/self/exe", arguments);
        }
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironment(string name, string value, int overwrite);

    [LibraryImport("libc", EntryPoint = "execv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Execute(string path, byte** arguments);
}
