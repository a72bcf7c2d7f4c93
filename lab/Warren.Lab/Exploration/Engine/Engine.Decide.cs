using System.Numerics;
using System.Runtime.CompilerServices;

namespace Warren.Lab;

/// <summary>The choice of the next step's thread, and the record of such decisions.</summary>
internal sealed partial class Engine
{
    private Search _search = null!;
    private bool _searchWatches;
    private long _steps;
    private long _totalSteps;
    private ulong _traceHash;

    /// <summary>The decisions against the default in this schedule.</summary>
    internal DecisionLog Log { get; } = new();

    /// <summary>
    /// Identity of what has happened in this schedule so far: two executions with equal hashes made the same steps in the same order.
    /// </summary>
    internal ulong TraceHash => _traceHash;

    /// <summary>Of this schedule so far.</summary>
    internal int Preemptions { get; private set; }

    /// <summary>The thread that asks for a choice; -1 for the build.</summary>
    internal int Chooser { get; private set; }

    /// <summary>The thread that came to the decision that is being taken.</summary>
    internal int LastActor { get; private set; }

    /// <summary>The schedule does something else than one with the same decisions did before.</summary>
    internal void Diverged(int actor, Warren.Locking.CheckOperation operation)
    {
        var now = _actors[LastActor];
        Judge(new Verdict(VerdictKind.Scenario,
            $"After {_steps} steps with the same decisions {now.Name} is at {now.Operation} where {_actors[actor].Name} was at "
                + $"{operation} in an earlier execution: "
            + "the scenario touches shared state without a step, or depends on time, chance or what earlier schedules left behind."));
    }

    /// <summary>Steps of this schedule so far.</summary>
    internal long Steps => _steps;

    /// <summary>Steps of all schedules so far.</summary>
    internal long TotalSteps => _totalSteps + _steps;

    /// <summary>The next thread; <paramref name="current"/> itself when the schedule has got its verdict; -1 when all have ended.</summary>
    /// <param name="current">Who comes to the decision.</param>
    /// <param name="own">Its bit where it would go on; 0 where it has ended, and before anybody has begun: who is first takes the turn from
    /// nobody.</param>
    private int Decide(int current, ulong own)
    {
        LastActor = current;
        while (true)
        {
            var enabled = EnabledMask();
            if (enabled == 0)
            {
                if (OnlyIdlePseudoLeft())
                    return -1;
                Stuck();
                if (_aborting)
                    return current;
                continue;
            }

            if (_steps >= _maxSteps)
            {
                Judge(NeverEnded());
                return current;
            }

            var candidates = enabled;
            // Who had to wait has lost the turn, also when what it waits for is not another thread's.
            own &= enabled;
            if (own != 0 && _actors[current].Yielding && enabled != own)
                candidates &= ~own;
            var stays = (candidates & own) != 0;
            var next = stays ? current : Following(candidates, current);
            if (_steps >= FairFrom)
            {
                next = NextFairly(current, candidates);
                if (_aborting)
                    return current;
            }
            else if ((candidates & (candidates - 1)) != 0)
            {
                var chosen = _search.Next(this, stays ? current : -1, candidates, next);
                if (_aborting)
                    return current;
                Log.Add(chosen, chosen == next);
                if (stays && chosen != current && _actors[chosen].Pseudo is null)
                {
                    Preemptions++;
                    Recorder?.Preempted();
                }

                next = chosen;
            }

            if (_searchWatches)
                _search.Scheduled(next);
            if (_actors[next].Pseudo is { } pseudo)
            {
                StepPseudo(next, pseudo);
                if (_aborting)
                    return current;
                continue;
            }

            if (next != current && IsBuried(_actors[next]))
            {
                PlayAgainUnstacked();
                return current;
            }

            return next;
        }
    }

    /// <summary>The next in cyclic order: where nobody says otherwise, everybody gets a turn.</summary>
    private static int Following(ulong candidates, int current)
    {
        var after = current >= 63 ? 0 : candidates & (ulong.MaxValue << (current + 1));
        return BitOperations.TrailingZeroCount(after != 0 ? after : candidates);
    }

    /// <summary>A choice of the environment.</summary>
    private int Choose(string what, int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        if (count == 1 || _aborting || _steps >= FairFrom)
            return 0;
        Chooser = _building ? -1 : Current!.Index;
        var chosen = _search.Choose(this, count);
        Log.Add(chosen, chosen == 0);
        Recorder?.Chosen(_building ? null : Current, what, chosen, count);
        _traceHash = (_traceHash ^ (ulong)chosen) * 0x100000001B3;
        return chosen;
    }

    /// <summary>The part of a step that ends here has taken place.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Executed(Actor actor, bool succeeded, bool arrivedOnly = false)
    {
        if (_searchWatches && actor.Location >= 0)
            _search.Accessed(this, actor, succeeded, arrivedOnly);
        Count(actor, succeeded);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Count(Actor actor, bool succeeded)
    {
        _steps++;
        if (actor.Offloaded)
            _offloadSteps++;
        var label = ((ulong)actor.Index << 56) | ((ulong)actor.Operation << 48) | ((ulong)actor.Mode << 40)
            | ((ulong)(uint)actor.Location << 8) | (succeeded ? 1ul : 0);
        _traceHash = ((_traceHash ^ label) * 0x9E3779B97F4A7C15) ^ (_traceHash >> 29);
    }

    /// <summary>On the thread that happens to run, in the name of the other.</summary>
    private void StepAloud(Actor actor, IPseudoThread pseudo)
    {
        var worker = _turn!;
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
            Judge(new Verdict(VerdictKind.Exception, $"{actor.Name} ended with {e.GetType().Name}: {e.Message}", e.ToString()));
        }
        finally
        {
            worker.Current = runner;
            actor.Operation = Warren.Locking.CheckOperation.None;
            actor.Location = -1;
        }
    }

    private void StepPseudo(int index, IPseudoThread pseudo)
    {
        var actor = _actors[index];
        if (pseudo.MakesSteps)
        {
            StepAloud(actor, pseudo);
            return;
        }

        var step = pseudo.Next;
        actor.Operation = step.Operation;
        actor.Mode = step.Mode;
        actor.Traits = StepTable.Of(step.Operation, step.Mode);
        actor.Location = _locations.Find(step.Instance, step.Offset, step.Class);
        actor.Dependence = actor.Location;
        var runner = Current!;
        var wasMuted = runner.Muted;
        runner.Muted = true;
        try
        {
            Executed(actor, true);
            Recorder?.Add(actor, step, true, withSource: false, store: pseudo is StoreBuffer buffer ? buffer.Oldest : null);
            pseudo.Step();
            // A store buffer keeps the books itself: the store is its owner's.
            if (pseudo is not StoreBuffer)
            {
                ref var location = ref _locations[actor.Location];
                location.Version++;
                location.Wakes++;
                location.LastWriter = index;
                location.Value = step.Value;
            }

            if (_hasOracles)
                TellPseudo(runner, actor, step);
        }
        catch (ScheduleAbortedException)
        {
            // The verdict is there; whoever decides finds out.
        }
        finally
        {
            runner.Muted = wasMuted;
            actor.Operation = Warren.Locking.CheckOperation.None;
        }
    }
}
