using Warren.Testing;

namespace Warren.Locking.Tests.Validation;

/// <summary>
/// A validator of a test's own: the threads of <see cref="OneByOne"/>, and the calling one until disposal, report to it and not to that of
/// the process, so that tests can do what is wrong, side by side.
/// </summary>
internal sealed class Watched : IDisposable
{
    private static readonly Router Hook = InstallRouter();

    [ThreadStatic]
    private static LockValidator? t_validator;

    internal Watched(LockValidatorOptions? options = null)
    {
        _ = Hook;
        Validator = new LockValidator(options ?? new LockValidatorOptions { DeclaredOrder = false });
        t_validator = Validator;
    }

    internal LockValidator Validator { get; }

    internal IReadOnlyList<LockReport> Reports => Validator.Reports;

    /// <summary>Runs each body on a thread, one after the other: no timing could make them collide.</summary>
    internal void OneByOne(params Action[] bodies)
    {
        foreach (var body in bodies)
        {
            Threads.Run(() =>
            {
                t_validator = Validator;
                body();
                t_validator = null;
            });
        }
    }

    /// <summary>Has the calling thread report here until the result is disposed.</summary>
    internal Entry Enter()
    {
        t_validator = Validator;
        return default;
    }

    internal void AssertClean() => Assert.True(Reports.Count == 0, string.Join('\n', Reports.Select(r => r.Text)));

    internal LockReport Single(LockReportKind kind)
    {
        Assert.True(Reports.Count == 1, $"{Reports.Count} reports:\n{string.Join('\n', Reports.Select(r => r.Text))}");
        Assert.Equal(kind, Reports[0].Kind);
        return Reports[0];
    }

    public void Dispose()
    {
        Validator.ForgetThread();
        t_validator = null;
    }

    internal readonly struct Entry : IDisposable
    {
        public void Dispose() => t_validator = null;
    }

    private static Router InstallRouter()
    {
        var router = new Router(LockValidation.Validator!);
        Check.Install(router);
        return router;
    }

    private sealed class Router(LockValidator process) : CheckHook
    {
        private LockValidator Current => t_validator ?? process;

        public override void Before(in CheckStep step) => Current.Before(step);

        public override bool Wait(in CheckStep step) => false;

        public override void After(in CheckStep step, bool succeeded) => Current.After(step, succeeded);

        public override bool Offload(Action work) => false;
    }
}
