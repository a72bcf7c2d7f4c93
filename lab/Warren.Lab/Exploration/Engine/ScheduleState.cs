using System.Runtime.CompilerServices;

namespace Warren.Lab;

/// <summary>
/// The state of the schedule that is being played: its threads, what they have touched, the decisions taken, the verdict. One object serves
/// one schedule after the other, and only whoever has the right to run uses it. The parts of the engine, the searches and the monitors
/// share it; it knows none of them.
/// </summary>
internal sealed class ScheduleState
{
    /// <summary>As many as fit a mask.</summary>
    internal const int MaxActors = 64;

    private readonly List<Actor> _pool = [];
    private Actor[] _actors = new Actor[8];
    private long _steps;
    private long _stepsBefore;
    private ulong _traceHash;
    private volatile bool _aborting;

    internal LocationTable Locations { get; } = new();

    /// <summary>The decisions against the default in this schedule.</summary>
    internal DecisionLog Log { get; } = new();

    /// <summary>Where to write down the steps, while a schedule is replayed for people.</summary>
    internal Recorder? Recorder { get; set; }

    internal int ActorCount { get; private set; }

    internal Actor this[int index]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _actors[index];
    }

    internal IEnumerable<Actor> Actors => _actors.Take(ActorCount);

    /// <summary>Threads that have not ended.</summary>
    internal ulong Unfinished { get; private set; }

    /// <summary>Those that must end; the others loop for as long as one of these runs.</summary>
    internal ulong Foreground { get; private set; }

    /// <summary>Those that may be unable to make their next step: only they need to be asked.</summary>
    internal ulong MayBlock { get; set; }

    /// <summary>Those of the schedule's threads that nobody plays.</summary>
    internal ulong PseudoThreads { get; private set; }

    internal bool IsForegroundLeft => (Unfinished & Foreground) != 0;

    /// <summary>The worker that has the right to run, or had it last.</summary>
    internal Worker? Turn { get; set; }

    /// <summary>The logical thread that the calling thread plays; null when it is none of ours.</summary>
    internal unsafe Actor? Current
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            byte here;
            return Turn is { } worker && worker.Owns((nuint)(&here)) ? worker.Current : null;
        }
    }

    /// <summary>The thread that came to the decision that is being taken.</summary>
    internal int LastActor { get; set; }

    /// <summary>The thread that asks for a choice; -1 for the build.</summary>
    internal int Chooser { get; set; }

    /// <summary>The step from which the order is fair.</summary>
    internal long FairFrom { get; set; }

    /// <summary>How many steps each thread makes in its turn is drawn from it; 0: one.</summary>
    internal ulong FairSeed { get; set; }

    /// <summary>Of this schedule so far.</summary>
    internal int Preemptions { get; set; }

    /// <summary>Steps that callbacks have made: who waits for them looks again.</summary>
    internal int OffloadSteps { get; set; }

    /// <summary>Nobody could go on, and it is put to the test whether that is final: such steps are not shown.</summary>
    internal bool IsProbing { get; set; }

    /// <summary>The traits that make a step a scheduling point.</summary>
    internal StepTraits Points { get; private set; } = StepTraits.Point;

    /// <summary>True when releases are scheduling points: only once somebody tries locks.</summary>
    internal bool ReleasePoints
    {
        get => (Points & StepTraits.Release) != 0;
        set => Points = value ? StepTraits.Point | StepTraits.Release : StepTraits.Point;
    }

    /// <summary>Somebody has tried a lock, and sees whether it is held.</summary>
    internal bool SawTry { get; set; }

    /// <summary>Steps of this schedule so far.</summary>
    internal long Steps => _steps;

    /// <summary>Steps of all schedules so far.</summary>
    internal long TotalSteps => _stepsBefore + _steps;

    /// <summary>The same for a thread that has not the right to run.</summary>
    internal long StepsSeenFromOutside => System.Threading.Volatile.Read(ref _steps);

    /// <summary>
    /// Identity of what has happened in this schedule so far: two executions with equal hashes made the same steps in the same order.
    /// </summary>
    internal ulong TraceHash => _traceHash;

    /// <summary>Why the schedule ended, if not by itself.</summary>
    internal Verdict? Verdict { get; private set; }

    /// <summary>The threads are to unwind.</summary>
    internal bool Aborting => _aborting;

    /// <summary>The schedule came to an end without a verdict, and does not count.</summary>
    internal bool IsBrokenOff { get; private set; }

    /// <summary>The next schedule begins.</summary>
    internal void Reset()
    {
        Locations.Clear();
        Log.Clear();
        _stepsBefore += _steps;
        _steps = 0;
        _traceHash = 0;
        ActorCount = 0;
        Preemptions = 0;
        OffloadSteps = 0;
        Unfinished = 0;
        Foreground = 0;
        MayBlock = 0;
        PseudoThreads = 0;
        IsProbing = false;
    }

    /// <summary>Schedules may be played again.</summary>
    internal void Resume() => (_aborting, IsBrokenOff) = (false, false);

    internal void ForgetVerdict() => Verdict = null;

    internal Actor Add(string name, Action? body, bool background)
    {
        if (ActorCount == MaxActors)
            throw new InvalidOperationException($"A scenario may have at most {MaxActors} threads, callbacks and store buffers.");
        if (ActorCount == _actors.Length)
            Array.Resize(ref _actors, ActorCount * 2);
        if (_pool.Count == ActorCount)
            _pool.Add(new Actor(ActorCount));
        var actor = _pool[ActorCount];
        actor.Reset(name, body, background);
        _actors[ActorCount] = actor;
        if (!background)
            Foreground |= actor.Bit;
        Unfinished |= actor.Bit;
        ActorCount++;
        return actor;
    }

    internal void Add(IPseudoThread pseudo)
    {
        var actor = Add(pseudo.Name, null, background: true);
        actor.Pseudo = pseudo;
        MayBlock |= actor.Bit;
        PseudoThreads |= actor.Bit;
    }

    internal void HasEnded(Actor actor)
    {
        actor.State = ActorState.Finished;
        Unfinished &= ~actor.Bit;
        MayBlock &= ~actor.Bit;
    }

    internal IEnumerable<Actor> Each(ulong mask)
    {
        for (; mask != 0; mask &= mask - 1)
            yield return _actors[System.Numerics.BitOperations.TrailingZeroCount(mask)];
    }

    /// <summary>A step has been made.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Count(Actor actor, bool succeeded)
    {
        _steps++;
        if (actor.Offloaded)
            OffloadSteps++;
        var label = ((ulong)actor.Index << 56) | ((ulong)actor.Operation << 48) | ((ulong)actor.Mode << 40)
            | ((ulong)(uint)actor.Location << 8) | (succeeded ? 1ul : 0);
        _traceHash = ((_traceHash ^ label) * 0x9E3779B97F4A7C15) ^ (_traceHash >> 29);
    }

    /// <summary>A choice has been made.</summary>
    internal void CountChoice(int chosen) => _traceHash = (_traceHash ^ (ulong)chosen) * 0x100000001B3;

    /// <summary>Ends the schedule with a verdict; does not return.</summary>
    internal void Fail(Verdict verdict)
    {
        Judge(verdict);
        throw ScheduleAbortedException.Instance;
    }

    internal void Judge(Verdict verdict)
    {
        if (_aborting)
            return;
        Verdict = verdict;
        Abort();
    }

    /// <summary>The verdict of the exploring thread over threads that no longer move: nothing of theirs is touched.</summary>
    internal void GiveUp(Verdict verdict)
    {
        Verdict = verdict;
        _aborting = true;
    }

    /// <summary>The schedule cannot be played to its end in this way.</summary>
    internal void BreakOff()
    {
        IsBrokenOff = true;
        Abort();
    }

    /// <summary>The schedule does something else than one with the same decisions did before.</summary>
    internal void Diverged(int actor, Locking.CheckOperation operation)
    {
        var now = _actors[LastActor];
        Judge(new Verdict(VerdictKind.Scenario,
            $"After {_steps} steps with the same decisions {now.Name} is at {now.Operation} where {_actors[actor].Name} was at "
                + $"{operation} in an earlier execution: "
            + "the scenario touches shared state without a step, or depends on time, chance or what earlier schedules left behind."));
    }

    /// <summary>With a verdict nothing is explored any more; what threads meant to write is there for their clean-up.</summary>
    private void Abort()
    {
        _aborting = true;
        for (var i = 0; i < ActorCount; i++)
            _actors[i].Buffer?.PerformAll();
    }
}
