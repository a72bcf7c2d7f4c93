using System.Reflection;
using System.Runtime.CompilerServices;
using System.Threading;
using Warren.Locking;

namespace Warren.Testing;

/// <summary>
/// Linked into every test project that uses locks: each test runs under the lock validator. A violation ends the test process with its
/// report, so that no catch clause can hide it; with WARREN_LOCK_REPORTS=file the reports are written there and the tests go on, to see
/// them all. WARREN_LOCK_SITES=exact has a report name the very places where locks were taken, and takes its time.
/// </summary>
internal static class LockValidation
{
    private static readonly Lock Writing = new();

    /// <summary>The validator of this process; null where checking is off (child processes that want it so).</summary>
    internal static LockValidator? Validator { get; private set; }

#pragma warning disable CA2255 // A test assembly is the application here: nothing of it runs before.
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void Install()
    {
        // A child process, started by a test with this assembly as its program, chooses its checking itself.
        if (Assembly.GetEntryAssembly() == typeof(LockValidation).Assembly)
            return;
        Validator =
            LockValidator.Install(new LockValidatorOptions
            { ExactSites = Environment.GetEnvironmentVariable("WARREN_LOCK_SITES") == "exact" });
        var file = Environment.GetEnvironmentVariable("WARREN_LOCK_REPORTS");
        Validator.Reported += report =>
        {
            if (string.IsNullOrEmpty(file))
                Environment.FailFast($"The lock validator found a violation.\n{report.Text}");
            lock (Writing)
                File.AppendAllText(file, report.Text);
        };
    }
}
