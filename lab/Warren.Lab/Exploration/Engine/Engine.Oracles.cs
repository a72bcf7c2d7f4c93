using Warren.Locking;

namespace Warren.Lab;

/// <summary>Monitors and invariants: they run on the thread that steps, in silence.</summary>
internal sealed partial class Engine
{
    private void TellBefore(Actor actor, in CheckStep step)
    {
        actor.Muted = true;
        try
        {
            foreach (var monitor in _schedule.Monitors)
                monitor.OnBefore(actor.Index, step);
        }
        finally
        {
            actor.Muted = false;
        }
    }

    private void TellStandard(Actor actor, in CheckStep step, bool succeeded) =>
        _standard.OnStep(actor.Index, step, succeeded, actor.Location);

    /// <summary>An access of the running step beside its own: what a monitor says that it sees.</summary>
    private void Depends(object subject, nint part, bool changes)
    {
        var actor = Current;
        if (actor is null || _aborting || _building || actor.State != ActorState.Started)
            return;
        // Numbered whether or not the search watches, so that a replay numbers locations alike.
        var location = _locations.Find(subject, part, null);
        if (!_searchWatches)
            return;
        var (own, operation, traits) = (actor.Dependence, actor.Operation, actor.Traits);
        actor.Dependence = location;
        actor.Operation = changes ? CheckOperation.AtomicWrite : CheckOperation.AtomicRead;
        actor.Traits = changes ? StepTraits.Writes : StepTraits.Reads;
        _search.Accessed(this, actor, succeeded: true, arrivedOnly: false);
        (actor.Dependence, actor.Operation, actor.Traits) = (own, operation, traits);
    }

    private void TellAfter(Actor actor, in CheckStep step, bool succeeded) => Tell(actor, actor.Index, actor.Traits, step, succeeded);

    private void TellPseudo(Actor runner, Actor pseudo, in CheckStep step)
    {
        var buffer = pseudo.Pseudo as StoreBuffer;
        Tell(runner, buffer?.Owner.Index ?? pseudo.Index, pseudo.Traits, step, true, buffer is null || IsToldWhenPerformed(step));
    }

    /// <param name="toMonitors">False: invariants only.</param>
    private void Tell(Actor runner, int index, StepTraits traits, in CheckStep step, bool succeeded, bool toMonitors = true)
    {
        var wasMuted = runner.Muted;
        runner.Muted = true;
        try
        {
            if (toMonitors)
            {
                foreach (var monitor in _schedule.Monitors)
                    monitor.OnStep(index, step, succeeded);
            }

            if ((traits & (StepTraits.Writes | StepTraits.Release)) == 0 && step.Operation != CheckOperation.Mark)
                return;
            foreach (var (name, broken) in _schedule.Invariants)
            {
                if (broken() is { } what)
                    Fail(new Verdict(VerdictKind.Invariant, $"{name}: {what}"));
            }
        }
        finally
        {
            runner.Muted = wasMuted;
        }
    }
}
