using Warren.Locking;

namespace Warren.Lab;

/// <summary>
/// The validator watches the schedules too: it needs to see each chain of locks only once to know what another timing would do.
/// </summary>
internal sealed class LockOrderWatch(ScheduleState state, bool isWanted)
{
    private LockValidator? _validator;
    private LockReport? _report;

    internal bool IsWatching => _validator is not null;

    /// <summary>True unless the calling thread holds locks.</summary>
    internal bool IsThreadIdle => _validator?.IsThreadIdle != false;

    /// <summary>
    /// Has lock order checked from scratch, or (where false) not at all. What one validator reports it reports once, so that a schedule
    /// that is to be judged by itself needs a new one.
    /// </summary>
    internal void Renew(bool check)
    {
        _validator = null;
        _report = null;
        if (!check || !isWanted)
            return;
        _validator = new LockValidator();
        _validator.Prime();
        _validator.Reported += report => _report ??= report;
    }

    internal void ForgetReport() => _report = null;

    /// <summary>The calling thread begins to play another.</summary>
    internal void ForgetThread() => _validator?.ForgetThread();

    internal void Before(Actor actor, in CheckStep step)
    {
        if (_validator is null || actor.Pseudo is not null)
            return;
        actor.Muted = true;
        _validator.Before(step);
        actor.Muted = false;
        if (_report is not null)
            state.Fail(OrderVerdict());
    }

    internal void After(Actor actor, in CheckStep step, bool succeeded)
    {
        if (_validator is null || actor.Pseudo is not null)
            return;
        actor.Muted = true;
        _validator.After(step, succeeded);
        actor.Muted = false;
        if (_report is not null)
            state.Fail(OrderVerdict());
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
