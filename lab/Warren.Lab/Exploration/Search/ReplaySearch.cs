namespace Warren.Lab;

/// <summary>One schedule, given by its decisions against the default; notes the runs and choices it consists of.</summary>
internal sealed class ReplaySearch(ReplayString schedule) : Search
{
    private readonly int[] _at = schedule.At;
    private int _next;
    private Engine? _engine;

    /// <summary>An entry did not fit the execution: not one of the candidates, or never reached.</summary>
    internal bool Drifted { get; private set; }

    internal List<Run> Runs { get; } = [];

    /// <summary>How many steps had been made before each run.</summary>
    internal List<long> Starts { get; } = [];

    /// <summary>The choices of each thread in their order; those of the build under -1.</summary>
    internal Dictionary<int, List<int>> Choices { get; } = [];

    internal override bool WatchesSteps => true;

    internal override bool Begin(Engine engine)
    {
        var first = _engine is null;
        _engine = engine;
        return first;
    }

    internal override void Fairness(Engine engine) => (engine.FairFrom, engine.FairSeed) = (schedule.FairFrom, schedule.FairSeed);

    internal override int Next(Engine engine, int current, ulong candidates, int fallback)
    {
        if (!Take(engine, out var thread))
            return fallback;
        if (thread < Engine.MaxActors && (candidates >> thread & 1) != 0)
            return thread;
        Drifted = true;
        return fallback;
    }

    internal override int Choose(Engine engine, int count)
    {
        var value = Take(engine, out var entry) ? entry : 0;
        if (value >= count)
        {
            Drifted = true;
            value = 0;
        }

        if (!Choices.TryGetValue(engine.Chooser, out var values))
            Choices[engine.Chooser] = values = [];
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
        Starts.Add(_engine!.Steps);
    }

    internal override void End(Engine engine) => Drifted |= _next < _at.Length;

    private bool Take(Engine engine, out int decided)
    {
        decided = 0;
        if (_next >= _at.Length || _at[_next] != engine.Log.Decisions)
            return false;
        decided = schedule.Chosen[_next++];
        return true;
    }
}
