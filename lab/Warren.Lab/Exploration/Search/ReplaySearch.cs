namespace Warren.Lab;

/// <summary>One schedule, given by its decisions against the default.</summary>
internal sealed class ReplaySearch : Search
{
    private int[] _at = [];
    private int[] _chosen = [];
    private int _next;
    private bool _played;

    /// <summary>An entry did not fit the execution: not one of the candidates.</summary>
    internal bool Drifted { get; private set; }

    /// <summary>Entries that were used.</summary>
    internal int Used => _next;

    internal void Set(ReadOnlySpan<int> at, ReadOnlySpan<int> chosen)
    {
        (_at, _chosen) = (at.ToArray(), chosen.ToArray());
        _played = false;
    }

    internal override bool Begin(Engine engine)
    {
        if (_played)
            return false;
        _played = true;
        _next = 0;
        Drifted = false;
        return true;
    }

    internal override int Next(Engine engine, int current, ulong candidates, int fallback)
    {
        if (!Take(engine, out var chosen))
            return fallback;
        if ((candidates >> chosen & 1) != 0)
            return chosen;
        Drifted = true;
        return fallback;
    }

    internal override int Choose(Engine engine, int count)
    {
        if (!Take(engine, out var chosen))
            return 0;
        if (chosen < count)
            return chosen;
        Drifted = true;
        return 0;
    }

    private bool Take(Engine engine, out int chosen)
    {
        while (_next < _at.Length && _at[_next] < engine.Log.Decisions)
            _next++;
        chosen = 0;
        if (_next >= _at.Length || _at[_next] != engine.Log.Decisions)
            return false;
        chosen = _chosen[_next++];
        return true;
    }
}
