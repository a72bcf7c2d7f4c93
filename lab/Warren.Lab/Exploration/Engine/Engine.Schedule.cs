using System.Numerics;
using System.Threading;

namespace Warren.Lab;

/// <summary>
/// The life of a schedule: built, played, judged, cleaned up. All on the pooled threads; the last to end begins the next schedule.
/// </summary>
internal sealed partial class Engine
{
    private readonly ManualResetEventSlim _ended = new(false);
    private readonly Scenario _scenario;
    private readonly Schedule _schedule;
    private readonly int _cpu = CpuPinning.Current;
    private readonly ReplayJudging _judging;
    private readonly int _maxSteps;
    private readonly TimeSpan _stall;
    private static readonly Action Nothing = static () => { };
    private Func<bool> _mayContinue = static () => false;
    private Verdict? _verdict;
    private bool _begin;
    private volatile bool _building;
    private bool _lost;
    private int _running;
    private int _yields = 4000;
    private int _offloaded;
    private int _offloadSteps;

    internal Engine(Scenario scenario, ExplorationOptions options)
    {
        _scenario = scenario;
        _judging = ReplayJudging.Of(options);
        _maxSteps = options.MaxSteps;
        _stall = options.StallTime;
        ChecksLockOrder = options.LockOrder;
        _fairAfter = options.FairAfter;
        _starvation = options.StarvationRounds;
        WeakMemory = options.WeakMemory;
        _standard = new StandardMonitors(this, options.DataRaces);
        _schedule = new Schedule(Choose, Fail, Depends);
    }

    /// <summary>Schedules played to their end or verdict.</summary>
    internal long Schedules { get; private set; }

    /// <summary>A thread is stuck outside our sight: the engine cannot be used again.</summary>
    internal bool IsLost => _lost;

    /// <summary>Those of the schedule's threads that nobody plays.</summary>
    internal ulong PseudoThreads { get; private set; }

    /// <summary>Threads that the scenario declares.</summary>
    internal int DeclaredThreads { get; private set; }

    /// <summary>Those of them that do nothing, since the failure does not need them.</summary>
    internal ulong Dropped { get; set; }

    /// <summary>The schedule just played.</summary>
    internal ReplayString Decisions() =>
        new(ReleasePoints, _judging, Dropped, FairFrom, FairSeed, (uint)TraceHash, Log.At.ToArray(), Log.Chosen.ToArray());

    internal IEnumerable<string> Names => _actors.Take(_actorCount).Select(static a => a.Name);

    /// <summary>
    /// Plays schedules of the search until one gets a verdict, the search has no more, or <paramref name="mayContinue"/> (asked after each)
    /// says no. On the exploring thread.
    /// </summary>
    internal Verdict? Run(Search search, Func<bool> mayContinue)
    {
        _search = search;
        _searchWatches = search.WatchesSteps;
        _mayContinue = mayContinue;
        // A try in the schedule that is executed again must not give it other points than it had.
        _sawTry = false;
        _verdict = null;
        do
        {
            _report = null;
            _aborting = false;
            _brokenOff = false;
            _begin = true;
            _ended.Reset();
            _playing++;
            var first = IdleWorker();
            first.Busy = true;
            first.Baton.Give();
            Watch();
            if (!_lost && _workers.Exists(static w => w.Dirty))
                RetireWorkers(all: false);
        }
        while (_brokenOff && !_lost);
        return _verdict;
    }

    /// <summary>Ends the pooled threads, unless one of them is stuck for good.</summary>
    public void Dispose()
    {
        if (_lost)
            return;
        RetireWorkers(all: true);
        _ended.Dispose();
    }

    /// <summary>Ends the schedule with a verdict; does not return.</summary>
    internal void Fail(Verdict verdict)
    {
        Judge(verdict);
        throw ScheduleAbortedException.Instance;
    }

    private void Judge(Verdict verdict)
    {
        if (_aborting)
            return;
        _verdict = verdict;
        _aborting = true;
        PerformAllPending();
    }

    /// <returns>Who is next, or -1 when the exploring thread is.</returns>
    private int BeginSchedule(Worker worker)
    {
        while (_mayContinue())
        {
            if (_sawTry && !ReleasePoints)
            {
                // From here on every lock's release is a point. What was searched without is searched again.
                ReleasePoints = true;
                _search.Restart();
            }

            // What is known of the schedule before stays until there is another.
            if (!_search.Begin(this))
                return -1;
            Reset();
            try
            {
                _building = true;
                _scenario.Build(_schedule);
            }
            catch (ScheduleAbortedException)
            {
            }
            catch (Exception e)
            {
                Judge(new Verdict(VerdictKind.Scenario, $"Building the scenario threw {e.GetType().Name}: {e.Message}", e.ToString()));
            }
            finally
            {
                _building = false;
            }

            if (_aborting)
                return EndAborted();
            Enlist();
            if (_unfinished != 0)
            {
                var first = Decide(_actorCount - 1, own: 0);
                if (_aborting)
                    return NextToUnwind();
                if (first >= 0)
                    return first;
            }

            if (!EndSchedule())
                return -1;
        }

        return -1;
    }

    private void Reset()
    {
        _playing++;
        _locations.Clear();
        _standard.Reset();
        _schedule.Reset();
        Log.Clear();
        _totalSteps += _steps;
        _steps = 0;
        _traceHash = 0;
        Preemptions = 0;
        _actorCount = 0;
        _unfinished = 0;
        _foreground = 0;
        _mayBlock = 0;
        PseudoThreads = 0;
        _probing = false;
        ResetFairness();
        _offloaded = 0;
        _offloadSteps = 0;
        _hasOracles = false;
    }

    private void Enlist()
    {
        _schedule.Begin();
        DeclaredThreads = _schedule.Threads.Count;
        for (var i = 0; i < DeclaredThreads; i++)
        {
            var (name, body, isBackground) = _schedule.Threads[i];
            var actor = AddActor(name, (Dropped >> i & 1) != 0 ? Nothing : body, isBackground);
            if (isBackground && actor.Body != Nothing)
                actor.Body = () => Loop(actor, body);
        }

        foreach (var pseudo in _schedule.PseudoThreads)
            AddPseudo(pseudo);
        for (var i = 0; WeakMemory && i < _schedule.Threads.Count; i++)
            AddBuffer(_actors[i]);

        _hasOracles = _schedule.Monitors.Count + _schedule.Invariants.Count > 0;
        _tells = HasListeners;
    }

    private void AddPseudo(IPseudoThread pseudo)
    {
        var actor = AddActor(pseudo.Name, null, background: true);
        actor.Pseudo = pseudo;
        _mayBlock |= 1ul << actor.Index;
        PseudoThreads |= 1ul << actor.Index;
    }

    private Actor AddActor(string name, Action? body, bool background)
    {
        if (_actorCount == MaxActors)
            throw new InvalidOperationException($"A scenario may have at most {MaxActors} threads, callbacks and store buffers.");
        if (_actorCount == _actors.Length)
            Array.Resize(ref _actors, _actorCount * 2);
        var actor = PooledActor(_actorCount);
        actor.Reset(name, body, background);
        _actors[_actorCount] = actor;
        if (!background)
            _foreground |= 1ul << _actorCount;
        _unfinished |= 1ul << _actorCount++;
        return actor;
    }

    private int Play(Worker worker, Actor actor)
    {
        try
        {
            worker.Current = actor;
            worker.Played = _playing;
            actor.State = ActorState.Started;
            _validator?.ForgetThread();
            if (!_aborting)
                actor.Body!();
            if (actor.HeldCount > 0 && !_aborting)
                Judge(HeldWhereNoneMayBe(actor, "at its end"));
        }
        catch (ScheduleAbortedException)
        {
        }
        catch (Exception e)
        {
            Judge(new Verdict(VerdictKind.Exception, $"{actor.Name} ended with {e.GetType().Name}: {e.Message}", e.ToString()));
        }

        worker.Current = worker.Host;
        worker.Actor = actor.Below;
        worker.Dirty |= _aborting;
        return Ended(worker, actor);
    }

    private int Ended(Worker worker, Actor actor)
    {
        actor.State = ActorState.Finished;
        _unfinished &= ~(1ul << actor.Index);
        _mayBlock &= ~(1ul << actor.Index);
        if (actor.Offloaded)
            _offloadSteps++;
        if (_aborting)
            return NextToUnwind();

        // What is left of the store buffers reaches memory in any order.
        var next = Decide(actor.Index, own: 0);
        if (_aborting)
            return NextToUnwind();
        if (next < 0)
            return EndSchedule() ? BeginSchedule(worker) : -1;
        return next;
    }

    private bool OnlyIdlePseudoLeft()
    {
        for (var left = _unfinished; left != 0; left &= left - 1)
        {
            if (_actors[BitOperations.TrailingZeroCount(left)].Pseudo is not { Enabled: false })
                return false;
        }

        return true;
    }

    /// <summary>The threads unwind one after the other.</summary>
    private int NextToUnwind()
    {
        for (var left = _unfinished; left != 0; left &= left - 1)
        {
            var actor = _actors[BitOperations.TrailingZeroCount(left)];
            if (actor.State == ActorState.Started)
                return actor.Index;
            actor.State = ActorState.Finished;
            _unfinished &= ~(1ul << actor.Index);
        }

        return EndAborted();
    }

    private int EndAborted()
    {
        if (!_brokenOff)
            Schedules++;
        CleanUp();
        _search.End(this);
        return -1;
    }

    /// <summary>All threads have ended; false when something is wrong.</summary>
    private bool EndSchedule()
    {
        Schedules++;
        try
        {
            foreach (var (name, broken) in _schedule.EndChecks)
            {
                if (broken() is { } what)
                    Fail(new Verdict(VerdictKind.Invariant, $"{name}: {what}"));
            }

            _standard.OnEnd();
            foreach (var monitor in _schedule.Monitors)
                monitor.OnEnd();
        }
        catch (ScheduleAbortedException)
        {
        }
        catch (Exception e)
        {
            Judge(new Verdict(VerdictKind.Exception, $"A check at the end threw {e.GetType().Name}: {e.Message}", e.ToString()));
        }

        CleanUp();
        _search.End(this);
        return !_aborting;
    }

    private void CleanUp()
    {
        _schedule.NativeNames.Clear();
        for (var i = _schedule.Cleanups.Count - 1; i >= 0; i--)
        {
            try
            {
                _schedule.Cleanups[i]();
            }
            catch (Exception e) when (_verdict is not null)
            {
                // What a broken schedule left behind need not be in order; the verdict stands.
                _ = e;
            }
            catch (Exception e)
            {
                Judge(new Verdict(VerdictKind.Scenario, $"A clean-up threw {e.GetType().Name}: {e.Message}", e.ToString()));
            }
        }
    }

    /// <summary>Waits for the end, and gives up on threads that stand still for long.</summary>
    private void Watch()
    {
        const int Looks = 10;
        var seen = -1L;
        var still = 0;
        while (!_ended.Wait(_stall / Looks))
        {
            var now = Volatile.Read(ref _steps) + Schedules;
            still = now == seen ? still + 1 : 0;
            seen = now;
            if (still < Looks)
                continue;
            _lost = true;
            _verdict = Stalled();
            _aborting = true;
            return;
        }
    }
}
