using System.Numerics;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>
/// The life of a schedule: built, played, judged, cleaned up. All on the pooled threads; the last to end begins the next schedule.
/// </summary>
internal sealed class ScheduleLife(Scenario scenario, Schedule schedule, ScheduleState state, SearchFeed feed, Decider decider,
    Turns turns, FairOrder fair, Listeners listeners, LockOrderWatch lockOrder, StoreBuffers buffers,
    WorkerPool workers, VerdictText text, int fairAfter) : ISchedulePlayer
{
    private static readonly Action Nothing = static () => { };
    private volatile bool _building;
    private int _offloaded;

    /// <summary>Asked before each schedule whether there shall be another.</summary>
    internal Func<bool> MayContinue { get; set; } = static () => false;

    /// <summary>Schedules played to their end or verdict.</summary>
    internal long Schedules { get; private set; }

    /// <summary>Threads that the scenario declares.</summary>
    internal int DeclaredThreads { get; private set; }

    /// <summary>Those of them that do nothing, since the failure does not need them.</summary>
    internal ulong Dropped { get; set; }

    internal bool IsBuilding => _building;

    /// <summary>True when a thread was declared to loop for ever.</summary>
    internal bool HasBackground => DeclaredThreads > BitOperations.PopCount(state.Foreground & ((1ul << DeclaredThreads) - 1));

    public int Begin(Worker worker)
    {
        while (MayContinue())
        {
            if (state.SawTry && !state.ReleasePoints)
            {
                // From here on every lock's release is a point. What was searched without is searched again.
                state.ReleasePoints = true;
                feed.Search.Restart();
            }

            // What is known of the schedule before stays until there is another.
            if (!feed.Search.Begin(state))
                return -1;
            Reset();
            Build();
            if (state.Aborting)
                return EndAborted();
            Enlist();
            if (state.Unfinished != 0)
            {
                var first = decider.Decide(state.ActorCount - 1, own: 0);
                if (state.Aborting)
                    return NextToUnwind();
                if (first >= 0)
                    return first;
            }

            if (!End())
                return -1;
        }

        return -1;
    }

    public int Play(Worker worker, Actor actor)
    {
        try
        {
            worker.Current = actor;
            actor.State = ActorState.Started;
            lockOrder.ForgetThread();
            if (!state.Aborting)
                actor.Body!();
            if (actor.HeldCount > 0 && !state.Aborting)
                state.Judge(text.HeldWhereNoneMayBe(actor, "at its end"));
        }
        catch (ScheduleAbortedException)
        {
        }
        catch (Exception e)
        {
            state.Judge(new Verdict(VerdictKind.Exception, $"{actor.Name} ended with {e.GetType().Name}: {e.Message}", e.ToString()));
        }

        worker.Current = worker.Host;
        worker.Actor = actor.Below;
        worker.Dirty |= state.Aborting;
        return Ended(worker, actor);
    }

    /// <summary>A thread comes into being for work that a primitive hands over.</summary>
    internal Actor AddCallbacks(Action work)
    {
        var callbacks = state.Add($"callbacks {++_offloaded}", work, background: false);
        callbacks.Offloaded = true;
        return callbacks;
    }

    private void Reset()
    {
        _offloaded = 0;
        workers.BeginsSchedule();
        state.Reset();
        listeners.Reset();
        schedule.Reset();
        state.FairFrom = fairAfter;
        state.FairSeed = 0;
        feed.Search.Fairness(state);
        fair.Reset();
    }

    private void Build()
    {
        try
        {
            _building = true;
            scenario.Build(schedule);
        }
        catch (ScheduleAbortedException)
        {
        }
        catch (Exception e)
        {
            state.Judge(new Verdict(VerdictKind.Scenario, $"Building the scenario threw {e.GetType().Name}: {e.Message}", e.ToString()));
        }
        finally
        {
            _building = false;
        }
    }

    private void Enlist()
    {
        schedule.Begin();
        DeclaredThreads = schedule.Threads.Count;
        for (var i = 0; i < DeclaredThreads; i++)
        {
            var (name, body, isBackground) = schedule.Threads[i];
            var actor = state.Add(name, (Dropped >> i & 1) != 0 ? Nothing : body, isBackground);
            if (isBackground && actor.Body != Nothing)
                actor.Body = () => Loop(actor, body);
        }

        foreach (var pseudo in schedule.PseudoThreads)
            state.Add(pseudo);
        for (var i = 0; i < DeclaredThreads; i++)
            buffers.AddFor(state[i]);
        listeners.Begin();
    }

    /// <summary>A background thread: goes round until the last foreground thread has ended, and gives way after each round.</summary>
    private void Loop(Actor actor, Action round)
    {
        while (true)
        {
            round();
            if (actor.HeldCount > 0)
                state.Fail(text.HeldWhereNoneMayBe(actor, "at the end of a round"));
            actor.Iterations++;
            if (!state.IsForegroundLeft)
                return;
            actor.Operation = CheckOperation.None;
            actor.Traits = StepTraits.None;
            actor.Location = -1;
            actor.ReadCount = 0;
            actor.Yielding = true;
            feed.Executed(actor, succeeded: true);
            turns.Pass(actor);
            actor.Yielding = false;
            if (!state.IsForegroundLeft)
                return;
        }
    }

    private int Ended(Worker worker, Actor actor)
    {
        state.HasEnded(actor);
        if (actor.Offloaded)
            state.OffloadSteps++;
        if (state.Aborting)
            return NextToUnwind();

        // What is left of the store buffers reaches memory in any order.
        var next = decider.Decide(actor.Index, own: 0);
        if (state.Aborting)
            return NextToUnwind();
        if (next < 0)
            return End() ? Begin(worker) : -1;
        return next;
    }

    /// <summary>The threads unwind one after the other.</summary>
    private int NextToUnwind()
    {
        for (var left = state.Unfinished; left != 0; left &= left - 1)
        {
            var actor = state[BitOperations.TrailingZeroCount(left)];
            if (actor.State == ActorState.Started)
                return actor.Index;
            state.HasEnded(actor);
        }

        return EndAborted();
    }

    private int EndAborted()
    {
        if (!state.IsBrokenOff)
            Schedules++;
        CleanUp();
        feed.Search.End(state);
        return -1;
    }

    /// <summary>All threads have ended; false when something is wrong.</summary>
    private bool End()
    {
        Schedules++;
        try
        {
            listeners.End();
        }
        catch (ScheduleAbortedException)
        {
        }
        catch (Exception e)
        {
            state.Judge(new Verdict(VerdictKind.Exception, $"A check at the end threw {e.GetType().Name}: {e.Message}", e.ToString()));
        }

        CleanUp();
        feed.Search.End(state);
        return !state.Aborting;
    }

    private void CleanUp()
    {
        schedule.NativeNames.Clear();
        for (var i = schedule.Cleanups.Count - 1; i >= 0; i--)
        {
            try
            {
                schedule.Cleanups[i]();
            }
            catch (Exception e) when (state.Verdict is not null)
            {
                // What a broken schedule left behind need not be in order; the verdict stands.
                _ = e;
            }
            catch (Exception e)
            {
                state.Judge(new Verdict(VerdictKind.Scenario, $"A clean-up threw {e.GetType().Name}: {e.Message}", e.ToString()));
            }
        }
    }
}
