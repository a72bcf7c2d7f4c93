using System.Runtime.CompilerServices;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>
/// The controlled scheduler. Of all threads of a scenario one runs at a time; before each of its steps it decides itself, by asking the
/// <see cref="Search"/>, who makes the next one, and hands the right to run over only when that is another. This file: the steps of the
/// threads.
/// </summary>
internal sealed partial class Engine : CheckHook, IDisposable
{
    /// <summary>As many as fit a mask.</summary>
    internal const int MaxActors = 64;

    private readonly LocationTable _locations = new();
    private readonly StandardMonitors _standard;
    private Actor[] _actors = new Actor[8];
    private int _actorCount;
    private ulong _unfinished;
    private ulong _mayBlock;
    private volatile bool _aborting;
    private bool _hasOracles;

    /// <summary><see cref="HasListeners"/> at the end of the step before.</summary>
    private bool _tells;

    /// <summary>Somebody is told of every step; else only of marks.</summary>
    private bool HasListeners => _hasOracles || _validator is not null || _standard.Watches || Recorder is not null;

    /// <summary>True when releases are scheduling points: only once somebody tries locks.</summary>
    internal bool ReleasePoints
    {
        get => (_points & StepTraits.Release) != 0;
        set => _points = value ? StepTraits.Point | StepTraits.Release : StepTraits.Point;
    }

    /// <summary>The traits that make a step a scheduling point.</summary>
    private StepTraits _points = StepTraits.Point;

    /// <summary>Somebody has tried a lock.</summary>
    private bool _sawTry;

    /// <summary>Where to write down the steps, while a schedule is replayed for people.</summary>
    internal Recorder? Recorder { get; set; }

    /// <summary>The logical thread that the calling thread plays; null when it is none of ours.</summary>
    private unsafe Actor? Current
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            byte here;
            return _turn is { } worker && worker.Owns((nuint)(&here)) ? worker.Current : null;
        }
    }

    internal LocationTable Locations => _locations;

    internal int ActorCount => _actorCount;

    internal Actor this[int index] => _actors[index];

    public override void Before(in CheckStep step)
    {
        var actor = Current;
        if (actor is null || actor.Muted)
            return;
        if (_aborting)
        {
            Unwind(actor);
            return;
        }

        var traits = StepTable.Of(step.Operation, step.Mode);
        actor.Operation = step.Operation;
        actor.Mode = step.Mode;
        actor.Traits = traits;
        actor.Retrying = false;
        actor.Location = (traits & (StepTraits.Reads | StepTraits.Writes)) != 0 ? _locations.Find(step.Instance, step.Offset, step.Class)
            : -1;
        // The queue of callbacks is a thing of its own: who adds to it and who takes from it, but not its readers' counters.
        actor.Dependence = step.Operation is CheckOperation.SrcuCall or CheckOperation.SrcuCallbacks or CheckOperation.SrcuBarrier
            ? _locations.Find(step.Instance, step.Offset + 1, step.Class)
            : actor.Location;
        if (WeakMemory)
            actor.MayBePending = StoreBuffer.MayBePending(step);
        if ((traits & _points) != 0 || actor.MustDrain)
        {
            if (_tells)
                RecordArrival(actor, step);
            Pass(actor);
        }

        if (_tells)
            TellAllBefore(actor, step);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void TellAllBefore(Actor actor, in CheckStep step)
    {
        Recorder?.Arrives(step);
        if (_validator is not null && actor.Pseudo is null)
            ValidateBefore(actor, step);
        if (_hasOracles)
            TellBefore(actor, step);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void RecordArrival(Actor actor, in CheckStep step)
    {
        if (Recorder is not null && !_probing && (actor.Traits & StepTraits.Blocks) != 0 && !CanGoOn(actor))
            Recorder.Add(actor, step, succeeded: false, WhatItWaitsFor(actor));
    }

    public override bool Wait(in CheckStep step)
    {
        var actor = Current;
        if (actor is null)
            return false;
        if (actor.Muted)
        {
            return step.Operation == CheckOperation.Relax ? false
                : throw new InvalidOperationException(
                    $"An oracle, a build or a clean-up must not wait ({step.Class?.Name ?? step.Operation.ToString()}).");
        }
        if (_aborting)
            throw ScheduleAbortedException.Instance;
        if (actor.Pseudo is not null)
        {
            throw new InvalidOperationException(
                $"What a timer does when it expires must not wait ({step.Class?.Name ?? step.Operation.ToString()}).");
        }
        if (actor.Operation == CheckOperation.Relax)
        {
            // A loop that has read nothing we know of cannot be watched; it only gives way.
            actor.Yielding = actor.ReadCount == 0;
            if (_probing && actor.LoopHash == actor.LastLoopHash)
                actor.SameRounds++;
            else
                (actor.SameRounds, _probing) = (0, false);
            (actor.LastLoopHash, actor.LoopHash) = (actor.LoopHash, 0);
        }
        else if (actor.Operation == CheckOperation.SrcuBarrier)
        {
            actor.WaitWakes = _offloadSteps;
        }
        else
        {
            ref var location = ref _locations[actor.Location];
            actor.WaitWakes = location.Wakes;
            if (actor.Operation == CheckOperation.LockAcquire && actor.Mode == LockMode.Exclusive && !actor.InQueue)
            {
                actor.InQueue = true;
                location.Queued++;
            }
        }

        actor.Waiting = true;
        Executed(actor, succeeded: false, arrivedOnly: step.Operation == CheckOperation.LockAcquire);
        if (!_probing)
        {
            Recorder?.Add(actor, step, step.Operation == CheckOperation.Relax,
                step.Operation == CheckOperation.Relax ? "" : WhatItWaitsFor(actor));
        }
        Pass(actor);
        actor.Waiting = false;
        actor.Retrying = true;
        actor.Yielding = false;
        return true;
    }

    public override void After(in CheckStep step, bool succeeded)
    {
        var actor = Current;
        if (actor is null || actor.Muted || _aborting)
            return;
        if (actor.HasBuffered)
        {
            AfterBuffered(actor, step);
            return;
        }

        var traits = actor.Traits;
        if (actor.Location >= 0)
        {
            ref var location = ref _locations[actor.Location];
            location.Value = step.Value;
            if ((traits & StepTraits.Writes) == 0 || !succeeded)
                actor.HasRead(actor.Location, location.Version, step.Value);
            else
                Written(actor, ref location, step.Value);
            if ((traits & StepTraits.Wakes) != 0 && succeeded)
                location.Wakes++;
            if (step.Operation == CheckOperation.LockAcquire)
                Taken(actor, ref location);
            else if (step.Operation == CheckOperation.LockRelease)
                GivenUp(actor, ref location, actor.Mode);
        }

        if ((traits & StepTraits.Special) != 0)
            traits = AfterSpecial(actor, step.Operation, succeeded);

        if (traits != StepTraits.None)
        {
            actor.LoopHash =
                ((actor.LoopHash ^ (ulong)step.Value ^ ((ulong)(uint)actor.Location << 32) ^ ((ulong)step.Operation << 56))
                    * 0x9E3779B97F4A7C15) + (succeeded ? 1u : 0u);
            Executed(actor, succeeded);
        }

        if (_tells || step.Operation == CheckOperation.Mark)
            TellAll(actor, step, succeeded);
    }

    /// <returns>What the step still means to the scheduler.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private StepTraits AfterSpecial(Actor actor, CheckOperation operation, bool succeeded)
    {
        switch (operation)
        {
            case CheckOperation.LockTryAcquire:
                _sawTry = true;
                if (succeeded)
                    Taken(actor, ref _locations[actor.Location]);
                break;
            case CheckOperation.LockDowngrade:
                GivenUp(actor, ref _locations[actor.Location], LockMode.Exclusive);
                Taken(actor, ref _locations[actor.Location]);
                break;
            case CheckOperation.SrcuReadLock:
                actor.Acquired(actor.Location, LockMode.Shared);
                break;
            case CheckOperation.SrcuReadUnlock:
                actor.Released(actor.Location);
                break;
            case CheckOperation.WaitPrepare:
                _locations[actor.Location].Prepared = true;
                _locations[actor.Location].Woken = false;
                break;
            case CheckOperation.WaitWakeUp:
                _locations[actor.Location].Woken |= succeeded;
                break;
            case CheckOperation.WaitSleep:
                _locations[actor.Location].Woken = false;
                break;
            case CheckOperation.WaitFinish:
                if (actor.Probed)
                    Fail(LostWakeUp(actor));
                break;
            case CheckOperation.Relax:
                if (_searchWatches)
                    _search.Awaited(this, actor);
                actor.ReadCount = 0;
                return StepTraits.None;
            case CheckOperation.AssertNoneHeld:
                if (actor.HeldCount > 0)
                    Fail(HeldWhereNoneMayBe(actor, "where it claims to hold none"));
                break;
        }

        return actor.Traits & ~StepTraits.Special;
    }

    /// <summary>The trace, the validator and the oracles.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void TellAll(Actor actor, in CheckStep step, bool succeeded)
    {
        if (Recorder is { } recorder && !_probing && step.Operation
            is not (CheckOperation.Relax or CheckOperation.AssertHeld or CheckOperation.AssertNotHeld
            or CheckOperation.AssertNoneHeld or CheckOperation.MightWait or CheckOperation.ScopeEnter or CheckOperation.ScopeLeave))
        {
            recorder.Add(actor, step, succeeded);
        }
        if (_validator is not null && actor.Pseudo is null)
            ValidateAfter(actor, step, succeeded);
        if (_standard.Watches || step.Operation == CheckOperation.Mark)
            TellStandard(actor, step, succeeded);
        if (_hasOracles)
            TellAfter(actor, step, succeeded);
        // A mark may have brought something to watch.
        _tells = HasListeners;
    }

    public override bool Offload(Action work)
    {
        var actor = Current;
        if (actor is null || actor.Muted || _aborting)
            return false;
        var callbacks = AddActor($"callbacks {++_offloaded}", work, background: false);
        callbacks.Offloaded = true;
        if (_searchWatches)
            _search.Spawned(callbacks.Index);
        if (WeakMemory)
            AddBuffer(callbacks);
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Written(Actor actor, ref Location location, long value)
    {
        var isStored = actor.Operation is CheckOperation.AtomicWrite or CheckOperation.PlainWrite;
        location.IsStored = isStored;
        location.Stored = value;
        // The thread saw the location as well: an update depends on what it found.
        if (isStored)
            actor.HasWritten(actor.Location, location.Version);
        else
            actor.HasUpdated(actor.Location, location.Version, value);
        location.Version++;
        location.LastWriter = actor.Index;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Taken(Actor actor, ref Location location)
    {
        // What time does cannot wait: it needs to be seen to come upon a holder.
        _sawTry |= actor.Pseudo is not null;
        if (actor.Mode == LockMode.Exclusive)
            location.Owner = actor.Index;
        else
            location.Readers++;
        if (actor.InQueue)
        {
            actor.InQueue = false;
            location.Queued--;
        }

        actor.Acquired(actor.Location, actor.Mode);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void GivenUp(Actor actor, ref Location location, LockMode mode)
    {
        if (mode == LockMode.Exclusive)
            location.Owner = -1;
        else if (location.Readers > 0)
            location.Readers--;
        if (!actor.Released(actor.Location))
        {
            // Taken by another, who hands it over: a read section may end elsewhere, a reader has no identity.
            for (var i = 0; i < _actorCount; i++)
            {
                if (_actors[i].Released(actor.Location))
                    break;
            }
        }
    }

    private static void Unwind(Actor actor)
    {
        // Clean-up code may make steps in silence; code that swallows our exception and goes on gets another one.
        if (++actor.SilentSteps % 10_000 == 0)
            throw ScheduleAbortedException.Instance;
    }
}
