using System.Runtime.CompilerServices;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>
/// The knowledge of loops with <see cref="Cpu.Relax"/>: whether they wait until something is written, for however long, or end by
/// themselves after some rounds. Who waits need not be scheduled before there is news; but to leave by count is an outcome like any other,
/// which has to be explored. Nobody says which a loop is, so that it is tried out where a thread first comes to it: alone, for many rounds.
/// That trial is no schedule: it is broken off, and the schedule is played again with what is known now.
/// </summary>
internal sealed class SpinLoops(ScheduleState state, WaitRules rules)
{
    /// <summary>A loop of which so many rounds find nothing new, and change nothing, waits.</summary>
    private const int EndlessRounds = 1_000;

    /// <summary>So many steps without a relax are no round of the loop any more.</summary>
    private const int LongestRound = 2_000;

    /// <summary>Of each loop that ends by itself the points of a round, or 0 where rounds are not alike; of others -1.</summary>
    private readonly Dictionary<SpinLoop, int> _periods = [];

    /// <summary>Loops that were not tried where a thread came to them, since a lock that they take was held.</summary>
    private readonly HashSet<SpinLoop> _passedBy = [];
    private readonly HashSet<ulong> _notHere = [];
    private readonly HashSet<ulong> _stepsOfRounds = [];
    private readonly SortedSet<string> _changing = new(StringComparer.Ordinal);
    private bool _knowsAll;
    private SpinLoop _tried;
    private string _place = "";
    private ulong _triedAt;
    private int _rounds;
    private int _points;
    private int _period;
    private int _changes;
    private int _steps;
    private TrialEnd _end;

    private enum TrialEnd
    {
        Left,
        Endless,
        Blocked,
    }

    /// <summary>Schedules since then did not have all that a loop can do: what was searched is to be searched again.</summary>
    internal bool MustSearchAgain { get; private set; }

    /// <summary>The loops known to end by themselves.</summary>
    internal (SpinLoop Loop, int Period)[] Bounded =>
        [.. _periods.Where(static k => k.Value >= 0).Select(static k => (k.Key, k.Value)).OrderBy(static k => k.Key)];

    /// <summary>True once the rounds of some loop are known to be alike.</summary>
    internal bool ComparesRounds { get; private set; }

    /// <summary>
    /// Loops that go on for ever and change something in each round: they were gone through again only when others had written what they
    /// read, so that not every number of rounds has been explored.
    /// </summary>
    internal IReadOnlyCollection<string> Changing => _changing;

    /// <summary>Nothing is tried out any more: these end by themselves, and no others.</summary>
    internal void Know(IEnumerable<(SpinLoop Loop, int Period)> bounded)
    {
        Forget();
        _knowsAll = true;
        foreach (var (loop, period) in bounded)
            Learn(loop, period);
    }

    /// <summary>Scheduling points are others from here on, and so are rounds.</summary>
    internal void Forget()
    {
        _periods.Clear();
        _passedBy.Clear();
        _notHere.Clear();
        ComparesRounds = false;
    }

    /// <summary>The thread is at a relax.</summary>
    /// <returns>True when it goes on at once, since it is being tried.</returns>
    internal bool Relaxes(Actor actor, in CheckStep step)
    {
        var loop = SpinLoop.Of(step, actor.Index);
        if (state.Trial is not null)
        {
            if (loop != _tried)
                return true;
            _steps = 0;
            _changes += actor.LoopHash == actor.LastLoopHash ? 0 : 1;
            if (++_rounds == 2)
                _period = actor.LoopHash == actor.LastLoopHash && _points < Actor.LongestPeriod ? _points : 0;
            (actor.LastLoopHash, actor.LoopHash, _points) = (actor.LoopHash, 0, 0);
            if (_rounds == EndlessRounds)
                End(TrialEnd.Endless);
            return true;
        }

        var isKnown = _periods.TryGetValue(loop, out var period);
        if (!isKnown)
            period = -1;
        // With news its next round says nothing of those without.
        var hasNews = rules.HasNews(actor);
        if (!isKnown && !_knowsAll && !hasNews)
        {
            if (!_notHere.Contains(state.TraceHash))
            {
                Begin(actor, loop, step);
                return true;
            }

            _passedBy.Add(loop);
        }

        (actor.EndsByCount, actor.Period) = (period >= 0 && !hasNews, period);
        return false;
    }

    /// <summary>A step of the thread that is being tried.</summary>
    internal void Tries(Actor actor)
    {
        var label = actor.StepLabel;
        if ((actor.Traits & StepTraits.Blocks) != 0 && actor.Operation != CheckOperation.Relax && !rules.CanGoOn(actor))
            Waits(actor);
        if ((actor.Traits & state.Points) != 0)
            _points++;
        if (++_steps > LongestRound)
            End(TrialEnd.Left);
        _stepsOfRounds.Add(label);
    }

    /// <summary>The thread that is being tried would have to wait: what it waits for may be a part of the round.</summary>
    internal void Waits(Actor actor)
    {
        var mayBePart = _rounds == 0 ? actor.Operation == CheckOperation.LockAcquire : _stepsOfRounds.Contains(actor.StepLabel);
        End(mayBePart ? TrialEnd.Blocked : TrialEnd.Left);
    }

    /// <summary>The schedule has been broken off, maybe since a trial has ended.</summary>
    internal void Conclude()
    {
        if (state.Trial is null)
            return;
        state.Trial = null;
        if (_end == TrialEnd.Blocked)
        {
            _notHere.Add(_triedAt);
            return;
        }

        Learn(_tried, _end == TrialEnd.Left ? _period : -1);
        if (_end == TrialEnd.Endless && _changes > EndlessRounds / 2)
            _changing.Add(_place);
        MustSearchAgain |= _end == TrialEnd.Left && _passedBy.Contains(_tried);
    }

    /// <summary>It was taken for one that ends, and has gone round too often.</summary>
    internal void IsEndlessAfterAll(Actor actor, in CheckStep step)
    {
        Learn(SpinLoop.Of(step, actor.Index), -1);
        MustSearchAgain = true;
        state.BreakOff();
        throw ScheduleAbortedException.Instance;
    }

    internal static bool IsTooLong(int rounds) => rounds > EndlessRounds;

    internal void SearchesAgain() => MustSearchAgain = false;

    private void Learn(SpinLoop loop, int period)
    {
        _periods[loop] = period;
        ComparesRounds |= period > 0;
    }

    private void Begin(Actor actor, SpinLoop loop, in CheckStep step)
    {
        state.Trial = actor;
        actor.LoopHash = 0;
        _triedAt = state.TraceHash;
        (_tried, _place, _end) = (loop, SpinLoop.PlaceOf(step), TrialEnd.Left);
        _rounds = _steps = _points = _period = _changes = 0;
        _stepsOfRounds.Clear();
    }

    private void End(TrialEnd end)
    {
        _end = end;
        state.BreakOff();
        throw ScheduleAbortedException.Instance;
    }
}

/// <summary>A call of <see cref="Cpu.Relax"/>, by one thread.</summary>
/// <param name="Place">Hash of its file's name and line.</param>
/// <param name="Thread">Index of the thread.</param>
internal readonly record struct SpinLoop(uint Place, int Thread) : IComparable<SpinLoop>
{
    internal static SpinLoop Of(in CheckStep step, int thread)
    {
        var file = Unsafe.As<string>(step.Instance!).AsSpan();
        file = file[(file.LastIndexOf('/') + 1)..];
        var hash = 2166136261 ^ (uint)step.Offset;
        foreach (var c in file)
            hash = (hash ^ c) * 16777619;
        return new(hash, thread);
    }

    /// <summary>For people.</summary>
    internal static string PlaceOf(in CheckStep step) => $"{Path.GetFileName((string)step.Instance!)}:{step.Offset}";

    public int CompareTo(SpinLoop other) => (Thread, Place).CompareTo((other.Thread, other.Place));
}
