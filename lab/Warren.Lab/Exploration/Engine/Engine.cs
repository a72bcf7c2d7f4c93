using System.Runtime.CompilerServices;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>
/// The controlled scheduler. Of all threads of a scenario one runs at a time; before each of its steps it decides itself, by asking the
/// <see cref="Search"/>, who makes the next one, and hands the right to run over only when that is another. This type puts the parts
/// together, and hears of the steps.
/// </summary>
internal sealed class Engine : CheckHook, IDisposable
{
    private readonly ReplayJudging _judging;
    private readonly TimeSpan _stall;
    private readonly LocationTable _locations;
    private readonly SearchFeed _feed;
    private readonly WaitRules _rules;
    private readonly LockBooks _locks;
    private readonly LockOrderWatch _lockOrder;
    private readonly VerdictText _text;
    private readonly Listeners _listeners;
    private readonly StoreBuffers _buffers;
    private readonly Decider _decider;
    private readonly Turns _turns;
    private readonly WorkerPool _workers;
    private readonly ScheduleLife _life;

    internal Engine(Scenario scenario, ExplorationOptions options)
    {
        _judging = ReplayJudging.Of(options);
        _stall = options.StallTime;
        _locations = State.Locations;
        _feed = new SearchFeed(State);
        var schedule = new Schedule((what, count) => _decider!.Choose(what, count), State.Fail, _feed.Depends);
        Names = new PlaceNames(State, schedule);
        _text = new VerdictText(State, Names);
        _rules = new WaitRules(State);
        _locks = new LockBooks(State);
        _lockOrder = new LockOrderWatch(State, options.LockOrder);
        var standard = new StandardMonitors(State, Names, options.DataRaces);
        _listeners = new Listeners(State, schedule, _rules, _text, _lockOrder, standard);
        _buffers = new StoreBuffers(State, _feed, _listeners, standard, options.WeakMemory);
        var fair = new FairOrder(State, new RepetitionWatch(State, Names, options.StarvationRounds));
        var stacks = new SharedStacks(State, _feed, _lockOrder, !scenario.KeepsStateByThread);
        _decider = new Decider(State, _feed, _rules, fair, new StuckJudge(State, _text), new PseudoSteps(State, _feed, _listeners), stacks,
            _text, options.MaxSteps);
        _workers = new WorkerPool(State, scenario.KeepsStateByThread);
        _turns = new Turns(State, _rules, _decider, stacks, _workers);
        _life = new ScheduleLife(scenario, schedule, State, _feed, _decider, _turns, fair, _listeners, _lockOrder, _buffers, _workers,
            _text, options.FairAfter);
    }

    internal ScheduleState State { get; } = new();

    internal PlaceNames Names { get; }

    /// <summary>Schedules played to their end or verdict.</summary>
    internal long Schedules => _life.Schedules;

    /// <summary>A thread is stuck outside our sight: the engine cannot be used again.</summary>
    internal bool IsLost { get; private set; }

    /// <inheritdoc cref="ScheduleLife.DeclaredThreads"/>
    internal int DeclaredThreads => _life.DeclaredThreads;

    /// <inheritdoc cref="ScheduleLife.HasBackground"/>
    internal bool HasBackground => _life.HasBackground;

    /// <inheritdoc cref="ScheduleLife.Dropped"/>
    internal ulong Dropped
    {
        get => _life.Dropped;
        set => _life.Dropped = value;
    }

    public override bool BuffersStores => _buffers.AreInUse;

    /// <summary>The schedule just played.</summary>
    internal ReplayString Decisions() => new(State.ReleasePoints, _judging, Dropped, State.FairFrom, State.FairSeed, (uint)State.TraceHash,
        State.Log.At.ToArray(), State.Log.Chosen.ToArray());

    /// <inheritdoc cref="LockOrderWatch.Renew"/>
    internal void RenewValidator(bool check) => _lockOrder.Renew(check);

    /// <summary>
    /// Plays schedules of the search until one gets a verdict, the search has no more, or <paramref name="mayContinue"/> (asked after each)
    /// says no. On the exploring thread.
    /// </summary>
    internal Verdict? Run(Search search, Func<bool> mayContinue)
    {
        _feed.Search = search;
        _life.MayContinue = mayContinue;
        // A try in the schedule that is executed again must not give it other points than it had.
        State.SawTry = false;
        State.ForgetVerdict();
        do
        {
            _lockOrder.ForgetReport();
            State.Resume();
            _workers.Start(_life);
            Watch();
            if (!IsLost)
                _workers.RetireDirty();
        }
        while (State.IsBrokenOff && !IsLost);
        return State.Verdict;
    }

    /// <summary>Ends the pooled threads, unless one of them is stuck for good.</summary>
    public void Dispose()
    {
        if (!IsLost)
            _workers.Dispose();
    }

    public override void Before(in CheckStep step)
    {
        var actor = State.Current;
        if (actor is null || actor.Muted)
            return;
        if (State.Aborting)
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
        if (_buffers.IsOn)
            actor.MayBePending = StoreBuffer.MayBePending(step);
        if ((traits & State.Points) != 0 || actor.MustDrain)
        {
            if (_listeners.AreAny)
                _listeners.Arrives(actor, step);
            _turns.Pass(actor);
        }

        if (_listeners.AreAny)
            _listeners.Before(actor, step);
    }

    public override bool Wait(in CheckStep step)
    {
        var actor = State.Current;
        if (actor is null)
            return false;
        if (actor.Muted)
        {
            return step.Operation == CheckOperation.Relax ? false
                : throw new InvalidOperationException(
                    $"An oracle, a build or a clean-up must not wait ({step.Class?.Name ?? step.Operation.ToString()}).");
        }
        if (State.Aborting)
            throw ScheduleAbortedException.Instance;
        if (actor.Pseudo is not null)
        {
            throw new InvalidOperationException(
                $"What a timer does when it expires must not wait ({step.Class?.Name ?? step.Operation.ToString()}).");
        }
        _rules.BeginWait(actor);
        _feed.Executed(actor, succeeded: false, arrivedOnly: step.Operation == CheckOperation.LockAcquire);
        _listeners.Waits(actor, step);
        _turns.Pass(actor);
        WaitRules.EndWait(actor);
        return true;
    }

    public override void After(in CheckStep step, bool succeeded)
    {
        var actor = State.Current;
        if (actor is null || actor.Muted || State.Aborting)
            return;
        if (actor.HasBuffered)
        {
            _buffers.After(actor, step);
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
                _locks.Taken(actor, ref location);
            else if (step.Operation == CheckOperation.LockRelease)
                _locks.GivenUp(actor, ref location, actor.Mode);
        }

        if ((traits & StepTraits.Special) != 0)
            traits = AfterSpecial(actor, step.Operation, succeeded);

        if (traits != StepTraits.None)
        {
            actor.Hash(step, succeeded);
            _feed.Executed(actor, succeeded);
        }

        if (_listeners.AreAny || step.Operation == CheckOperation.Mark)
            _listeners.After(actor, step, succeeded);
    }

    public override bool Offload(Action work)
    {
        var actor = State.Current;
        if (actor is null || actor.Muted || State.Aborting)
            return false;
        var callbacks = _life.AddCallbacks(work);
        _feed.Spawned(callbacks.Index);
        _buffers.AddFor(callbacks);
        return true;
    }

    public override bool TryBuffer(in PendingStore store) => _buffers.TryAdd(store);

    public override bool TryForward(object? owner, nint offset, int size, out PendingStore store) =>
        _buffers.TryForward(owner, offset, size, out store);

    public override void PerformPending() => _buffers.PerformPending();

    /// <returns>What the step still means to the scheduler.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private StepTraits AfterSpecial(Actor actor, CheckOperation operation, bool succeeded)
    {
        switch (operation)
        {
            case CheckOperation.LockTryAcquire:
                State.SawTry = true;
                if (succeeded)
                    _locks.Taken(actor, ref _locations[actor.Location]);
                break;
            case CheckOperation.LockDowngrade:
                _locks.GivenUp(actor, ref _locations[actor.Location], LockMode.Exclusive);
                _locks.Taken(actor, ref _locations[actor.Location]);
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
                    State.Fail(_text.LostWakeUp(actor));
                break;
            case CheckOperation.Relax:
                _feed.Awaited(actor);
                actor.ReadCount = 0;
                return StepTraits.None;
            case CheckOperation.AssertNoneHeld:
                if (actor.HeldCount > 0)
                    State.Fail(_text.HeldWhereNoneMayBe(actor, "where it claims to hold none"));
                break;
        }

        return actor.Traits & ~StepTraits.Special;
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

    private static void Unwind(Actor actor)
    {
        // Clean-up code may make steps in silence; code that swallows our exception and goes on gets another one.
        if (++actor.SilentSteps % 10_000 == 0)
            throw ScheduleAbortedException.Instance;
    }

    /// <summary>Waits for the end, and gives up on threads that stand still for long.</summary>
    private void Watch()
    {
        const int Looks = 10;
        var seen = -1L;
        var still = 0;
        while (!_workers.WaitForEnd(_stall / Looks))
        {
            var now = State.StepsSeenFromOutside + Schedules;
            still = now == seen ? still + 1 : 0;
            seen = now;
            if (still < Looks)
                continue;
            IsLost = true;
            State.GiveUp(VerdictText.Stalled(_stall, _life.IsBuilding, _workers.Running));
            return;
        }
    }
}
