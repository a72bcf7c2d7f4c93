using Warren.Locking;

namespace Warren.Lab;

/// <summary>
/// The validator watches the schedules too: it needs to see each chain of locks only once to know what another timing would do.
/// </summary>
internal sealed partial class Engine
{
    private LockValidator? _validator;
    private LockReport? _report;

    /// <summary>True when lock order is checked.</summary>
    internal bool ChecksLockOrder { get; init; }

    /// <summary>
    /// Has lock order checked from scratch, or (where false) not at all. What one validator reports it reports once, so that a schedule
    /// that is to be judged by itself needs a new one.
    /// </summary>
    internal void RenewValidator(bool check)
    {
        _validator = null;
        _report = null;
        if (!check || !ChecksLockOrder)
            return;
        _validator = new LockValidator();
        _validator.Prime();
        _validator.Reported += report => _report ??= report;
    }

    private void ValidateBefore(Actor actor, in CheckStep step)
    {
        actor.Muted = true;
        _validator!.Before(step);
        actor.Muted = false;
        if (_report is not null)
            Fail(OrderVerdict());
    }

    private void ValidateAfter(Actor actor, in CheckStep step, bool succeeded)
    {
        actor.Muted = true;
        _validator!.After(step, succeeded);
        actor.Muted = false;
        if (_report is not null)
            Fail(OrderVerdict());
    }

    private Verdict OrderVerdict()
    {
        var report = _report!;
        _report = null;
        var kind = report.Kind switch
        {
            LockReportKind.Context => VerdictKind.SleepInAtomic,
            LockReportKind.Leak => VerdictKind.LockLeak,
            LockReportKind.Assertion or LockReportKind.Release => VerdictKind.Exception,
            _ => VerdictKind.LockOrder,
        };
        return new Verdict(kind, report.Sentence, report.Text);
    }
}
