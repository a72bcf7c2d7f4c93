namespace Warren.Lab;

/// <summary>The scheduling point: where a running thread may have to let others go first.</summary>
internal sealed class Turns(ScheduleState state, WaitRules rules, Decider decider, SharedStacks stacks, WorkerPool workers)
{
    /// <summary>Decides who goes on and returns when it is this thread's turn.</summary>
    internal void Pass(Actor actor)
    {
        // What time does is one step.
        if (actor.Pseudo is not null)
            return;
        var mayBlock = (actor.Traits & StepTraits.Blocks) != 0 || actor.MustDrain;
        if (mayBlock)
            state.MayBlock |= actor.Bit;
        else
            state.MayBlock &= ~actor.Bit;
        // Being started is no step: the thread was chosen for what it does first, unless it cannot do that.
        if (actor.IsFresh)
        {
            actor.IsFresh = false;
            if (!mayBlock || rules.CanGoOn(actor))
                return;
        }

        var next = decider.Decide(actor.Index, actor.Bit);
        while (next != actor.Index && stacks.MayStandOn(actor, next))
            next = workers.PlayOnTop(actor, state[next]);
        if (next != actor.Index)
            workers.PassTo(next, actor.Worker!);
        if (state.Aborting)
            throw ScheduleAbortedException.Instance;
    }
}
