namespace Warren.Lab;

/// <summary>Chooses schedules. All its members are called by whoever has the right to run.</summary>
internal abstract class Search
{
    /// <summary>Prepares the next schedule; false when there is none.</summary>
    internal abstract bool Begin(Engine engine);

    /// <summary>Who goes on. Asked only when there are several candidates.</summary>
    /// <param name="current">The thread that ran last if it could go on, else -1: choosing another is a preemption only when it is not -1.</param>
    /// <param name="fallback">The default: current, or the next in turn.</param>
    internal abstract int Next(Engine engine, int current, ulong candidates, int fallback);

    /// <summary>A choice of the environment, from 0 to count - 1.</summary>
    internal abstract int Choose(Engine engine, int count);

    /// <summary>The schedule has ended, with or without a verdict.</summary>
    internal virtual void End(Engine engine)
    {
    }
}
