using Warren.Locking;

namespace Warren.Lab.Tests;

/// <summary>
/// Lets another search choose and tells its schedules apart by what matters of their order: each access with its place in its thread and
/// the number of writes before it. Two schedules of one class differ only in the order of steps that do not touch the same.
/// </summary>
internal sealed class TraceClasses(ExhaustiveSearch inner) : Search
{
    private readonly Dictionary<int, int> _writes = [];
    private readonly int[] _accesses = new int[ScheduleState.MaxActors];
    private ulong _hash;

    internal HashSet<ulong> Seen { get; } = [];

    internal override bool WatchesSteps => true;

    internal override bool Begin(ScheduleState state)
    {
        _hash = 0;
        _writes.Clear();
        Array.Clear(_accesses);
        return inner.Begin(state);
    }

    internal override void Restart()
    {
        inner.Restart();
        Seen.Clear();
    }

    internal override int Next(ScheduleState state, int current, ulong candidates, int fallback) =>
        inner.Next(state, current, candidates, fallback);

    internal override int Choose(ScheduleState state, int count)
    {
        var chosen = inner.Choose(state, count);
        _hash += Mix((ulong)state.Chooser + 99, (ulong)chosen);
        return chosen;
    }

    internal override void End(ScheduleState state)
    {
        inner.End(state);
        Seen.Add(_hash);
    }

    internal override void Scheduled(int actor) => inner.Scheduled(actor);

    internal override void Awaited(ScheduleState state, Actor actor) => inner.Awaited(state, actor);

    internal override void Spawned(int actor) => inner.Spawned(actor);

    internal override void Accessed(ScheduleState state, Actor actor, bool succeeded, bool arrivedOnly)
    {
        inner.Accessed(state, actor, succeeded, arrivedOnly);
        if (arrivedOnly)
            return;
        var writes = _writes.GetValueOrDefault(actor.Dependence);
        var place = ((ulong)actor.Index << 32) | (uint)_accesses[actor.Index]++;
        _hash += Mix(Mix(Mix(place, (ulong)actor.Operation), (ulong)writes), succeeded ? 1u : 0u);
        if ((actor.Traits & StepTraits.Writes) != 0
            && (succeeded || actor.Operation is not (CheckOperation.LockTryAcquire or CheckOperation.AtomicUpdate)))
        {
            _writes[actor.Dependence] = writes + 1;
        }
    }

    private static ulong Mix(ulong hash, ulong value)
    {
        hash = (hash ^ value) * 0x9E3779B97F4A7C15;
        return hash ^ (hash >> 29);
    }
}
