namespace Warren.Lab;

/// <summary>
/// Searches the schedules of a scenario for one that breaks something. One exploration at a time in a process (in an assembly load
/// context).
/// </summary>
public static class Explorer
{
    /// <param name="progress">Told about twice a second, on a thread of the exploration, how far it is; the search goes on when it
    /// returns.</param>
    /// <exception cref="InvalidOperationException">The switch <c>Warren.Check.Steps</c> is off in this process.</exception>
    public static ExplorationResult Explore(Scenario scenario, ExplorationOptions options, IProgress<ExplorationResult>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(scenario);
        ArgumentNullException.ThrowIfNull(options);
        using var exploration = new Exploration(scenario, options, progress);
        return exploration.Explore();
    }

    /// <summary>Executes the schedule that a replay string describes, recording source lines.</summary>
    /// <exception cref="FormatException">The string is not of this version, or not of this scenario, or the scenario has changed; the
    /// message says which.</exception>
    public static Trace Replay(Scenario scenario, string replay)
    {
        ArgumentNullException.ThrowIfNull(scenario);
        ArgumentNullException.ThrowIfNull(replay);
        var decoded = ReplayString.Decode(replay, scenario.Name);
        using var exploration = new Exploration(scenario, decoded.Judging.ToOptions());
        return exploration.Replay(decoded, replay);
    }
}
