using System.Runtime.CompilerServices;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>
/// All who are told of steps: the trace, the validator, the monitors of memory, and those and the invariants of the scenario. They run on
/// the thread that steps, in silence.
/// </summary>
internal sealed class Listeners(ScheduleState state, Schedule schedule, WaitRules rules, VerdictText text, LockOrderWatch lockOrder,
    StandardMonitors standard)
{
    private bool _hasOracles;

    /// <summary>Somebody is told of every step, as far as was known at the end of the step before; else only of marks.</summary>
    internal bool AreAny { get; private set; }

    /// <summary>The next schedule begins to be built.</summary>
    internal void Reset()
    {
        standard.Reset();
        _hasOracles = false;
    }

    /// <summary>It has been built.</summary>
    internal void Begin()
    {
        _hasOracles = schedule.Monitors.Count + schedule.Invariants.Count > 0;
        LookWhetherAny();
    }

    /// <summary>All threads have ended.</summary>
    internal void End()
    {
        foreach (var (name, broken) in schedule.EndChecks)
        {
            if (broken() is { } what)
                state.Fail(new Verdict(VerdictKind.Invariant, $"{name}: {what}"));
        }

        standard.OnEnd();
        foreach (var monitor in schedule.Monitors)
            monitor.OnEnd();
    }

    /// <summary>The thread comes to the step, which it may have to wait for.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal void Arrives(Actor actor, in CheckStep step)
    {
        if (state is { Recorder: { } recorder, IsProbing: false } && (actor.Traits & StepTraits.Blocks) != 0 && !rules.CanGoOn(actor))
            recorder.Add(actor, step, succeeded: false, text.WhatItWaitsFor(actor));
    }

    /// <summary>It waits.</summary>
    internal void Waits(Actor actor, in CheckStep step)
    {
        if (state is { Recorder: { } recorder, IsProbing: false })
        {
            var relaxes = step.Operation == CheckOperation.Relax;
            recorder.Add(actor, step, succeeded: relaxes, relaxes ? "" : text.WhatItWaitsFor(actor));
        }
    }

    /// <summary>It makes the step now.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal void Before(Actor actor, in CheckStep step)
    {
        state.Recorder?.Arrives(step);
        lockOrder.Before(actor, step);
        if (!_hasOracles)
            return;
        actor.Muted = true;
        try
        {
            foreach (var monitor in schedule.Monitors)
                monitor.OnBefore(actor.Index, step);
        }
        finally
        {
            actor.Muted = false;
        }
    }

    /// <summary>It has made it.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal void After(Actor actor, in CheckStep step, bool succeeded)
    {
        if (state is { Recorder: { } recorder, IsProbing: false } && step.Operation
            is not (CheckOperation.Relax or CheckOperation.AssertHeld or CheckOperation.AssertNotHeld
            or CheckOperation.AssertNoneHeld or CheckOperation.MightWait or CheckOperation.ScopeEnter or CheckOperation.ScopeLeave))
        {
            recorder.Add(actor, step, succeeded);
        }
        lockOrder.After(actor, step, succeeded);
        if (standard.Watches || step.Operation == CheckOperation.Mark)
            standard.OnStep(actor.Index, step, succeeded, actor.Location);
        if (_hasOracles)
            Tell(actor, actor.Index, actor.Traits, step, succeeded, toMonitors: true);
        // A mark may have brought something to watch.
        LookWhetherAny();
    }

    /// <summary>It has made it as far as it is concerned; its store is in its store buffer.</summary>
    internal void AfterBuffered(Actor actor, in CheckStep step)
    {
        if (!state.IsProbing)
            state.Recorder?.Add(actor, step, succeeded: true, "into its store buffer", store: actor.Buffer!.Newest);
        lockOrder.After(actor, step, succeeded: true);
        standard.OnStep(actor.Index, step, succeeded: true, actor.Location);
        if (_hasOracles && !StoreBuffer.IsToldWhenPerformed(step))
            Tell(actor, actor.Index, actor.Traits, step, succeeded: true, toMonitors: true);
    }

    /// <summary>In the middle of a step of its own the thread's oldest store reaches memory.</summary>
    internal void AfterDrained(Actor actor, in CheckStep step)
    {
        if (_hasOracles)
            Tell(actor, actor.Index, actor.Traits, step, succeeded: true, StoreBuffer.IsToldWhenPerformed(step));
    }

    /// <summary>Something that is no thread has made its step, on the thread that happened to run.</summary>
    internal void AfterPseudo(Actor runner, Actor actor, in CheckStep step)
    {
        if (!_hasOracles)
            return;
        var buffer = actor.Pseudo as StoreBuffer;
        Tell(runner, buffer?.Owner.Index ?? actor.Index, actor.Traits, step, true,
            buffer is null || StoreBuffer.IsToldWhenPerformed(step));
    }

    private void LookWhetherAny() =>
        AreAny = _hasOracles || lockOrder.IsWatching || standard.Watches || state.Recorder is not null;

    /// <param name="toMonitors">False: invariants only.</param>
    private void Tell(Actor runner, int index, StepTraits traits, in CheckStep step, bool succeeded, bool toMonitors)
    {
        var wasMuted = runner.Muted;
        runner.Muted = true;
        try
        {
            if (toMonitors)
            {
                foreach (var monitor in schedule.Monitors)
                    monitor.OnStep(index, step, succeeded);
            }

            if ((traits & (StepTraits.Writes | StepTraits.Release)) == 0 && step.Operation != CheckOperation.Mark)
                return;
            foreach (var (name, broken) in schedule.Invariants)
            {
                if (broken() is { } what)
                    state.Fail(new Verdict(VerdictKind.Invariant, $"{name}: {what}"));
            }
        }
        finally
        {
            runner.Muted = wasMuted;
        }
    }
}
