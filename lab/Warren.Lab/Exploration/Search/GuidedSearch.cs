namespace Warren.Lab;

/// <summary>
/// Follows a list of runs, each a thread and how many steps it makes, as far as it can: a run whose thread cannot go on is left out, and
/// after the last the default takes over. So a list that was cut from a failing schedule still means something.
/// </summary>
internal sealed class GuidedSearch(IReadOnlyList<Run> runs, IReadOnlyDictionary<int, int[]> choices, long fairFrom, ulong fairSeed) : Search
{
    private readonly Dictionary<int, int> _chosen = [];
    private int _run;
    private int _steps;
    private bool _played;

    internal override bool WatchesSteps => true;

    internal override bool Begin(ScheduleState state)
    {
        var first = !_played;
        _played = true;
        return first;
    }

    internal override void Fairness(ScheduleState state) => (state.FairFrom, state.FairSeed) = (fairFrom, fairSeed);

    internal override int Next(ScheduleState state, int current, ulong candidates, int fallback)
    {
        for (; _run < runs.Count; _run++, _steps = 0)
        {
            if (_steps < runs[_run].Steps && (candidates >> runs[_run].Thread & 1) != 0)
                return runs[_run].Thread;
        }

        return fallback;
    }

    internal override int Choose(ScheduleState state, int count)
    {
        var chooser = state.Chooser;
        var index = _chosen.GetValueOrDefault(chooser);
        _chosen[chooser] = index + 1;
        return choices.TryGetValue(chooser, out var values) && index < values.Length && values[index] < count ? values[index] : 0;
    }

    internal override void Scheduled(int actor)
    {
        // Without an alternative nobody asks; such steps count all the same.
        if (_run < runs.Count && runs[_run].Thread != actor && _run + 1 < runs.Count && runs[_run + 1].Thread == actor)
        {
            _run++;
            _steps = 0;
        }

        if (_run < runs.Count && runs[_run].Thread == actor)
            _steps++;
    }
}

/// <summary>A thread makes so many steps in a row.</summary>
internal readonly record struct Run(int Thread, int Steps);
