using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading;
using Warren.Cli.Terminal;

namespace Warren.Cli;

/// <summary>
/// The end of an exception that nobody foresaw, on whatever thread: one sentence and the status of a host error. The trace is for who asks
/// for it.
/// </summary>
/// <remarks>
/// What is to blame may be that the host gives no more descriptors or memory, so nothing here needs what is not loaded yet: standard error
/// is written by write(2), and everything is used once beforehand.
/// </remarks>
internal static unsafe partial class LastResort
{
    private const int StandardError = 2;

    /// <summary>The variable that has the whole trace of every error printed.</summary>
    public const string TraceVariable = "WARREN_TRACE";

    private static int s_reported;

    private static bool Traces => Environment.GetEnvironmentVariable(TraceVariable) is not (null or "" or "0");

    /// <summary>
    /// Has exceptions end the process that would do so with a stack trace and a core dump. The terminal is given back as on any way out.
    /// </summary>
    public static void Install()
    {
        AppDomain.CurrentDomain.UnhandledException += static (_, e) =>
            Environment.Exit(e.ExceptionObject is Exception error ? Report(error) : ExitStatus.HostError);
        // A task that nobody waits for, and whose failure nobody will hear of, ends nothing: it is only told to who looks for it.
        TaskScheduler.UnobservedTaskException += static (_, e) =>
        {
            if (Traces)
                WriteLine($"warren: a task failed unobserved: {e.Exception}");
            e.SetObserved();
        };
        _ = Traces;
        _ = Sentence(new AggregateException(new IOException()));
        _ = HasNoDescriptors();
        Write("");
        Interlocked.Exchange(ref s_reported, 0);
    }

    /// <summary>Says what went wrong; returns the status to end with.</summary>
    public static int Report(Exception error)
    {
        // Of several threads that fail at once, one has the word.
        if (Interlocked.Exchange(ref s_reported, 1) == 0)
        {
            WriteLine($"warren: {Sentence(error)}");
            if (Traces)
                WriteLine(error.ToString());
        }

        return ExitStatus.HostError;
    }

    /// <summary>Our own exceptions are sentences already; of others the type says what the message may not.</summary>
    public static string Sentence(Exception error)
    {
        var e = error;
        while (e is AggregateException { InnerExceptions.Count: 1 } or TypeInitializationException
            or TargetInvocationException && e.InnerException is { } inner)
        {
            e = inner;
        }
        if (e is WarrenException or StandardStreamException)
            return e.Message.EndsWith('?') ? e.Message : e.Message.TrimEnd('.') + ".";
        var what = e is OutOfMemoryException ? "this host has no more memory, address space or threads for Warren" : e.GetType().Name;
        if (HasNoDescriptors())
            return "this process may open no more files, and needs some 100; raise the limit with 'ulimit -n'.";
        var message = e.Message.ReplaceLineEndings(" ").TrimEnd('.', ' ');
        return $"{what} ({message}); set {TraceVariable}=1 for the trace, and report it unless the host is to blame.";
    }

    /// <summary>Then anything fails: assemblies that are not found, threads that do not start.</summary>
    private static bool HasNoDescriptors()
    {
        fixed (byte* path = "/dev/null\0"u8)
        {
            var descriptor = OpenCall(path, 0);
            if (descriptor < 0)
                return true;
            _ = CloseCall(descriptor);
            return false;
        }
    }

    private static void WriteLine(string text) => Write(text + "\n");

    /// <summary>Where standard error is gone, the status still tells.</summary>
    private static void Write(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        fixed (byte* p = bytes)
            _ = WriteCall(StandardError, p, (nuint)bytes.Length);
    }

    [LibraryImport("libc", EntryPoint = "open")]
    private static partial int OpenCall(byte* path, int flags);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int CloseCall(int descriptor);

    [LibraryImport("libc", EntryPoint = "write")]
    private static partial nint WriteCall(int descriptor, byte* bytes, nuint count);
}
