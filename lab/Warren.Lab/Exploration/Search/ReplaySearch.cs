namespace Warren.Lab;

/// <summary>One schedule, given by its decisions against the default; notes the runs and choices it consists of.</summary>
internal sealed class ReplaySearch(ReplayString schedule) : Search
{
    private readonly int[] _at = schedule.At;
    private int _next;
    private ScheduleState? _state;

    /// <summary>An entry did not fit the execution: not one of the candidates, or never reached.</summary>
    internal bool Drifted { get; private set; }

    internal List<Run> Runs { get; } = [];

    /// <summary>How many steps had been made before each run.</summary>
    internal List<long> Starts { get; } = [];

    /// <summary>The choices of each thread in their order; those of the build under -1.</summary>
    internal Dictionary<int, List<int>> Choices { get; } = [];

    internal override bool WatchesSteps => true;

    internal override bool Begin(ScheduleState state)
    {
        var first = _state is null;
        _state = state;
        return first;
    }

    internal override void Fairness(ScheduleState state) => (state.FairFrom, state.FairSeed) = (schedule.FairFrom, schedule.FairSeed);

    internal override int Next(ScheduleState state, int current, ulong candidates, int fallback)
    {
        if (!Take(state, out var thread))
            return fallback;
        if (thread < ScheduleState.MaxActors && (candidates >> thread & 1) != 0)
            return thread;
        Drifted = true;
        return fallback;
    }

    internal override int Choose(ScheduleState state, int count)
    {
        var value = Take(state, out var entry) ? entry : 0;
        if (value >= count)
        {
            Drifted = true;
            value = 0;
        }

        if (!Choices.TryGetValue(state.Chooser, out var values))
            Choices[state.Chooser] = values = [];
        values.Add(value);
        return value;
    }

    internal override void Scheduled(int actor)
    {
        if (Runs.Count > 0 && Runs[^1].Thread == actor)
        {
            Runs[^1] = new Run(actor, Runs[^1].Steps + 1);
            return;
        }

        Runs.Add(new Run(actor, 1));
        Starts.Add(_state!.Steps);
    }

    internal override void End(ScheduleState state) => Drifted |= _next < _at.Length;

    private bool Take(ScheduleState state, out int decided)
    {
        decided = 0;
        if (_next >= _at.Length || _at[_next] != state.Log.Decisions)
            return false;
        decided = schedule.Chosen[_next++];
        return true;
    }
}
