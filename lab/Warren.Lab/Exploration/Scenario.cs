namespace Warren.Lab;

/// <summary>
/// A closed concurrent program: <see cref="Build"/> makes fresh objects and declares the threads, invariants and clean-up of one schedule.
/// It must do the same each time but for what <see cref="Schedule.Choose(string, int)"/> answers, or replays drift.
/// </summary>
public abstract class Scenario
{
    /// <summary>Its name on the command line: lower case, words joined by hyphens, unique.</summary>
    public abstract string Name { get; }

    /// <summary>One sentence.</summary>
    public abstract string Summary { get; }

    /// <summary>A dozen lines for <c>explain</c>: the protocol, what could go wrong, what is checked.</summary>
    public virtual string Explanation => Summary;

    /// <summary>
    /// True when the code under test may keep anything by OS thread from one call to the next: thread statics,
    /// <see cref="System.Threading.ThreadLocal{T}"/>, what is looked up by the thread's identity. Where it does not, an OS thread plays one
    /// thread of a schedule after the other, which saves most hand-overs; where it does, each gets its own.
    /// </summary>
    public virtual bool KeepsStateByThread => true;

    /// <summary>Runs on the exploring thread; its steps are not explored.</summary>
    public abstract void Build(Schedule schedule);
}

/// <summary>A scenario given as a lambda.</summary>
public sealed class DelegateScenario(string name, string summary, Action<Schedule> build, string? explanation = null) : Scenario
{
    public override string Name { get; } = name;

    public override string Summary { get; } = summary;

    public override string Explanation { get; } = explanation ?? summary;

    /// <summary>True unless set.</summary>
    public override bool KeepsStateByThread => StateByThread;

    /// <summary>The answer of <see cref="KeepsStateByThread"/>.</summary>
    public bool StateByThread { get; init; } = true;

    public override void Build(Schedule schedule) => build(schedule);
}
