namespace Warren.Lab;

/// <summary>Chooses schedules. All its members are called by whoever has the right to run.</summary>
internal abstract class Search
{
    /// <summary>
    /// True when <see cref="Scheduled"/>, <see cref="Accessed"/>, <see cref="Buffered"/>, <see cref="Drained"/>, <see cref="Awaited"/> and
    /// <see cref="Spawned"/> are wanted.
    /// </summary>
    internal virtual bool WatchesSteps => false;

    /// <summary>Prepares the next schedule; false when there is none.</summary>
    internal abstract bool Begin(ScheduleState state);

    /// <summary>The scheduling points are others from here on: what was remembered of earlier schedules does not fit.</summary>
    internal virtual void Restart()
    {
    }

    /// <summary>
    /// Says from when on the coming schedule's order is fair, and how, by <see cref="ScheduleState.FairFrom"/>
    /// and <see cref="ScheduleState.FairSeed"/>.
    /// </summary>
    internal virtual void Fairness(ScheduleState state)
    {
    }

    /// <summary>The thread that goes on. Asked only when there are several candidates.</summary>
    /// <param name="current">The thread that ran last if it could go on, else -1: choosing another is a preemption only when it is not
    /// -1.</param>
    /// <param name="fallback">The default: current, or the next in turn.</param>
    internal abstract int Next(ScheduleState state, int current, ulong candidates, int fallback);

    /// <summary>
    /// True when <paramref name="waiting"/>, which could go on, is not chosen again before <paramref name="next"/> has ended, unless nobody
    /// else can go on. Then both may share a stack, one on top of the other, which saves two hand-overs; it is no promise, but who is wrong
    /// plays the schedule twice.
    /// </summary>
    internal virtual bool EndsFirst(int next, int waiting) => false;

    /// <summary>A choice of the environment, from 0 to count - 1.</summary>
    internal abstract int Choose(ScheduleState state, int count);

    /// <summary>The schedule has ended, with or without a verdict.</summary>
    internal virtual void End(ScheduleState state)
    {
    }

    /// <summary>The actor makes the next step.</summary>
    internal virtual void Scheduled(int actor)
    {
    }

    /// <summary>The running step of the actor has touched its location.</summary>
    /// <param name="arrivedOnly">It found a lock held, and has only been seen to wait for it.</param>
    internal virtual void Accessed(ScheduleState state, Actor actor, bool succeeded, bool arrivedOnly)
    {
    }

    /// <summary>The running step has put a store into a store buffer, and touched nothing that others could see.</summary>
    internal virtual void Buffered(int buffer)
    {
    }

    /// <summary>In the middle of the running step its thread's oldest store goes to memory, out of the buffer's turn.</summary>
    internal virtual void Drained(int buffer)
    {
    }

    /// <summary>The actor goes on after a relax, since something that it had read was written.</summary>
    internal virtual void Awaited(ScheduleState state, Actor actor)
    {
    }

    /// <summary>The running step has brought a new actor into being.</summary>
    internal virtual void Spawned(int actor)
    {
    }
}
