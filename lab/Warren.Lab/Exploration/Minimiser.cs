namespace Warren.Lab;

/// <summary>
/// Makes a failing schedule small: without the threads it does not need, then with the fewest preemptions, then the fewest steps; what
/// remains must fail in the same way. First by cutting its list of runs, then by an exhaustive search below the number of preemptions
/// reached, which where it completes proves that fewer do not suffice. What it may spend is counted in steps and not in time, so that the
/// same schedule becomes the same small one on every machine.
/// </summary>
internal sealed class Minimiser(Engine engine, Verdict original, Func<bool> mayContinue)
{
    private const long SearchSchedules = 4_000;

    /// <summary>
    /// Steps to spend on cuts, and again on the search: some seconds. A cut of a schedule that goes on for ever takes thousands, any other
    /// some hundred.
    /// </summary>
    private const long Effort = 1_000_000;

    /// <summary>So many are soon cut one by one.</summary>
    private const int FewPreemptions = 64;

    private long _until = engine.State.TotalSteps + Effort;

    /// <summary>Which the validator takes long over; other verdicts do without.</summary>
    private readonly bool _checksLockOrder = original.Kind is VerdictKind.LockOrder or VerdictKind.SleepInAtomic or VerdictKind.LockLeak
        or VerdictKind.Exception;
    private List<Run> _runs = [];

    /// <summary>The step with which each of them begins.</summary>
    private List<long> _starts = [];
    private Dictionary<int, int[]> _choices = [];

    /// <summary>The best so far.</summary>
    internal ReplayString Best { get; private set; } = null!;

    /// <summary>Its verdict.</summary>
    internal Verdict Verdict { get; private set; } = original;

    private (int Preemptions, long Steps) BestSize { get; set; }

    /// <param name="found">The schedule as it was found.</param>
    /// <param name="provenBound">No schedule with so few preemptions fails.</param>
    /// <returns>False when the schedule does not fail again.</returns>
    internal bool Run(ReplayString found, int provenBound)
    {
        Best = found;
        engine.Dropped = found.Dropped;
        var replay = new ReplaySearch(found);
        var again = Play(replay);
        if (again is null || replay.Drifted || !IsSame(again))
            return false;
        Keep(again);
        Take(replay);
        CutTail();
        DropThreads();
        CutStretches();
        CutPreemptions();
        SearchBelow(provenBound);
        return true;
    }

    /// <summary>Without whoever was to wake it, a sleeper sleeps for ever in any code.</summary>
    private bool IsForLackOfAWaker => Verdict.Kind is VerdictKind.Deadlock or VerdictKind.LostWakeUp;

    private bool MayGoOn => engine.State.TotalSteps < _until && mayContinue() && !engine.IsLost;

    /// <summary>Of what goes on for ever only the beginning matters: the fair order begins as early as it may.</summary>
    private void CutTail()
    {
        if (BestSize.Steps <= Best.FairFrom)
            return;
        var (runs, starts, choices) = (_runs, _starts, _choices);
        var (tooFew, enough) = (-1, 0);
        while (enough < runs.Count && MayGoOn && !TryBeginning(enough))
            (tooFew, enough) = (enough, Math.Max(1, enough * 2));
        enough = Math.Min(enough, runs.Count);
        while (enough - tooFew > 1 && MayGoOn)
        {
            var middle = (tooFew + enough) / 2;
            if (TryBeginning(middle))
                enough = middle;
            else
                tooFew = middle;
        }

        bool TryBeginning(int count) =>
            Try([.. runs.Take(count)], choices, Best.Dropped, count < starts.Count ? starts[count] : Best.FairFrom);
    }

    /// <summary>
    /// Leaves out long stretches of runs, then shorter and shorter ones (delta debugging; Zeller and Hildebrandt 2002): a schedule found at
    /// random has hundreds.
    /// </summary>
    private void CutStretches()
    {
        for (var length = _runs.Count / 2; length > 0 && BestSize.Preemptions > FewPreemptions; length /= 2)
        {
            for (var i = 0; i + length <= _runs.Count && BestSize.Preemptions > FewPreemptions && MayGoOn;)
            {
                if (!Try([.. _runs.Take(i), .. _runs.Skip(i + length)], _choices, Best.Dropped))
                    i += length;
            }
        }
    }

    private void DropThreads()
    {
        for (var thread = engine.DeclaredThreads - 1; thread >= 0 && MayGoOn && engine.DeclaredThreads > 1; thread--)
        {
            if ((Best.Dropped >> thread & 1) != 0)
                continue;
            var dropped = Best.Dropped | 1ul << thread;
            if (!FailsInTurn(dropped))
                Try([.. _runs.Where(r => r.Thread != thread)], _choices, dropped);
        }
    }

    /// <summary>
    /// The oracles may miss what the thread was to do: then the threads fail even when they run one after the other, and nothing is shown.
    /// </summary>
    private bool FailsInTurn(ulong dropped)
    {
        engine.Dropped = dropped;
        return Play(new GuidedSearch([], new Dictionary<int, int[]>(), Best.FairFrom, Best.FairSeed)) is { } result && IsSame(result)
            && (BestSize.Preemptions > 0 || IsForLackOfAWaker);
    }

    /// <summary>Puts runs of a thread together, as long as anything gets smaller.</summary>
    private void CutPreemptions()
    {
        for (var progress = true; progress && BestSize.Preemptions > 0 && MayGoOn;)
        {
            progress = false;
            for (var i = 0; i + 1 < _runs.Count && MayGoOn; i++)
                progress |= TryMerge(i, later: false) || TryMerge(i, later: true) || TrySwap(i);
        }

        foreach (var (thread, values) in _choices.ToArray())
        {
            for (var i = 0; i < values.Length && MayGoOn; i++)
            {
                if (values[i] == 0)
                    continue;
                var changed = (int[])values.Clone();
                changed[i] = 0;
                Try(_runs, new Dictionary<int, int[]>(_choices) { [thread] = changed }, Best.Dropped);
            }
        }
    }

    /// <summary>The run and the next one of the same thread become one, at the place of the first or of the second.</summary>
    private bool TryMerge(int index, bool later)
    {
        var next = _runs.FindIndex(index + 1, r => r.Thread == _runs[index].Thread);
        if (next < 0)
            return false;
        var runs = new List<Run>(_runs);
        var merged = new Run(runs[index].Thread, runs[index].Steps + runs[next].Steps);
        runs[later ? next : index] = merged;
        runs.RemoveAt(later ? index : next);
        return Try(runs, _choices, Best.Dropped);
    }

    private bool TrySwap(int index)
    {
        var runs = new List<Run>(_runs);
        (runs[index], runs[index + 1]) = (runs[index + 1], runs[index]);
        return Try(runs, _choices, Best.Dropped);
    }

    private bool Try(List<Run> runs, Dictionary<int, int[]> choices, ulong dropped, long? fairFrom = null)
    {
        engine.Dropped = dropped;
        var result = Play(new GuidedSearch(runs, choices, fairFrom ?? Best.FairFrom, Best.FairSeed));
        if (result is null || !IsSame(result))
            return false;
        var fewerThreads = dropped != Best.Dropped;
        if (!fewerThreads && (engine.State.Preemptions, engine.State.Steps).CompareTo(BestSize) >= 0)
            return false;
        Keep(result);
        var replay = new ReplaySearch(Best);
        Play(replay);
        Take(replay);
        return true;
    }

    private void Take(ReplaySearch played)
    {
        (_runs, _starts) = (played.Runs, played.Starts);
        _choices = played.Choices.ToDictionary(static c => c.Key, static c => c.Value.ToArray());
    }

    /// <summary>One schedule, judged by itself.</summary>
    private Verdict? Play(Search search)
    {
        engine.RenewValidator(_checksLockOrder);
        return engine.Run(search, static () => true);
    }

    private void SearchBelow(int provenBound)
    {
        engine.Dropped = Best.Dropped;
        _until = engine.State.TotalSteps + Effort;
        for (var bound = Math.Max(0, provenBound + 1); bound < BestSize.Preemptions && MayGoOn; bound++)
        {
            var until = engine.Schedules + SearchSchedules;
            var search = new ExhaustiveSearch(bound);
            engine.RenewValidator(_checksLockOrder);
            while (engine.Run(search, () => engine.Schedules < until && MayGoOn) is { } result)
            {
                if (!IsSame(result))
                    continue;
                Keep(result);
                return;
            }

            if (!search.Finished)
                return;
        }
    }

    private void Keep(Verdict result)
    {
        Verdict = result;
        BestSize = (engine.State.Preemptions, engine.State.Steps);
        Best = engine.Decisions();
    }

    private bool IsSame(Verdict other) => AreAlike(other, Verdict);

    /// <summary>True when both tell of the same fault, be it of other threads or pages.</summary>
    internal static bool AreAlike(Verdict one, Verdict other) => one.Kind == other.Kind && Essence(one) == Essence(other);

    /// <summary>
    /// The part of the sentence that must stay the same: the name of the invariant or the type of the exception, but not threads or
    /// numbers.
    /// </summary>
    private static string Essence(Verdict v) => v.Kind switch
    {
        VerdictKind.Invariant => v.Sentence.Split(':')[0],
        VerdictKind.Exception => v.Sentence.Split(" with ")[^1].Split(':')[0],
        _ => "",
    };
}
