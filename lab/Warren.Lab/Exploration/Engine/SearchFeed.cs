using System.Runtime.CompilerServices;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>The search in charge, and what it is told of steps.</summary>
internal sealed class SearchFeed(ScheduleState state)
{
    private Search _search = null!;

    internal Search Search
    {
        get => _search;
        set => (_search, IsWatching) = (value, value.WatchesSteps);
    }

    /// <summary><see cref="Lab.Search.WatchesSteps"/>.</summary>
    internal bool IsWatching { get; private set; }

    /// <summary>The part of a step that ends here has taken place.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Executed(Actor actor, bool succeeded, bool arrivedOnly = false)
    {
        if (IsWatching && actor.Location >= 0)
            _search.Accessed(state, actor, succeeded, arrivedOnly);
        state.Count(actor, succeeded);
    }

    internal void Awaited(Actor actor)
    {
        if (IsWatching)
            _search.Awaited(state, actor);
    }

    internal void Scheduled(int actor)
    {
        if (IsWatching)
            _search.Scheduled(actor);
    }

    internal void Buffered(int buffer)
    {
        if (IsWatching)
            _search.Buffered(buffer);
    }

    internal void Drained(int buffer)
    {
        if (IsWatching)
            _search.Drained(buffer);
    }

    internal void Spawned(int actor)
    {
        if (IsWatching)
            _search.Spawned(actor);
    }

    /// <summary>An access of the running step beside its own: what a monitor says that it sees.</summary>
    internal void Depends(object subject, nint part, bool changes)
    {
        var actor = state.Current;
        if (actor is null || state.Aborting || actor.State != ActorState.Started)
            return;
        // Numbered whether or not the search watches, so that a replay numbers locations alike.
        var location = state.Locations.Find(subject, part, null);
        if (!IsWatching)
            return;
        var (own, operation, traits) = (actor.Dependence, actor.Operation, actor.Traits);
        actor.Dependence = location;
        actor.Operation = changes ? CheckOperation.AtomicWrite : CheckOperation.AtomicRead;
        actor.Traits = changes ? StepTraits.Writes : StepTraits.Reads;
        _search.Accessed(state, actor, succeeded: true, arrivedOnly: false);
        (actor.Dependence, actor.Operation, actor.Traits) = (own, operation, traits);
    }
}
