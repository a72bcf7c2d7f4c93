using Warren.Locking;

namespace Warren.Lab;

/// <summary>The steps of what is no thread: made by whoever happens to run, in the name of the other.</summary>
internal sealed class PseudoSteps(ScheduleState state, SearchFeed feed, Listeners listeners)
{
    internal void Step(Actor actor, IPseudoThread pseudo)
    {
        if (pseudo.MakesSteps)
            StepAloud(actor, pseudo);
        else
            StepInSilence(actor, pseudo);
    }

    private void StepAloud(Actor actor, IPseudoThread pseudo)
    {
        var worker = state.Turn!;
        var runner = worker.Current;
        worker.Current = actor;
        try
        {
            pseudo.Step();
        }
        catch (ScheduleAbortedException)
        {
            // The verdict is there; whoever decides finds out.
        }
        catch (Exception e)
        {
            state.Judge(new Verdict(VerdictKind.Exception, $"{actor.Name} ended with {e.GetType().Name}: {e.Message}", e.ToString()));
        }
        finally
        {
            worker.Current = runner;
            actor.Operation = CheckOperation.None;
            actor.Location = -1;
        }
    }

    private void StepInSilence(Actor actor, IPseudoThread pseudo)
    {
        var step = pseudo.Next;
        actor.Operation = step.Operation;
        actor.Mode = step.Mode;
        actor.Traits = StepTable.Of(step.Operation, step.Mode);
        actor.Location = state.Locations.Find(step.Instance, step.Offset, step.Class);
        actor.Dependence = actor.Location;
        var runner = state.Current!;
        var wasMuted = runner.Muted;
        runner.Muted = true;
        try
        {
            feed.Executed(actor, true);
            state.Recorder?.Add(actor, step, true, withSource: false, store: pseudo is StoreBuffer buffer ? buffer.Oldest : null);
            pseudo.Step();
            // A store buffer keeps the books itself: the store is its owner's.
            if (pseudo is not StoreBuffer)
            {
                ref var location = ref state.Locations[actor.Location];
                location.Version++;
                location.Wakes++;
                location.LastWriter = actor.Index;
                location.Value = step.Value;
            }

            listeners.AfterPseudo(runner, actor, step);
        }
        catch (ScheduleAbortedException)
        {
            // The verdict is there; whoever decides finds out.
        }
        finally
        {
            runner.Muted = wasMuted;
            actor.Operation = CheckOperation.None;
        }
    }
}
