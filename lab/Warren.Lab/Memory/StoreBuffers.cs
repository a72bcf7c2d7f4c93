using Warren.Locking;

namespace Warren.Lab;

/// <summary>Weak memory: the half of the hook that keeps stores back, and what the scheduler does when one reaches memory.</summary>
/// <param name="isOn">Stores wait in buffers.</param>
internal sealed class StoreBuffers(ScheduleState state, SearchFeed feed, Listeners listeners, StandardMonitors standard, bool isOn)
{
    internal bool IsOn => isOn;

    /// <inheritdoc cref="CheckHook.BuffersStores"/>
    internal bool AreInUse => isOn && state.Current is { Muted: false } && !state.Aborting;

    /// <inheritdoc cref="CheckHook.TryBuffer"/>
    internal bool TryAdd(in PendingStore store)
    {
        var actor = state.Current!;
        if (actor.Buffer is not { } buffer)
            return false;
        buffer.Add(store);
        actor.HasBuffered = true;
        standard.OnBuffered(actor.Index);
        return true;
    }

    /// <inheritdoc cref="CheckHook.TryForward"/>
    internal bool TryForward(object? owner, nint offset, int size, out PendingStore store)
    {
        store = default;
        if (state.Current!.Buffer is not { } buffer)
            return false;
        var found = buffer.TryFind(owner, offset, size, out store, out var overlaps);
        // The load waits until the bytes are in memory.
        if (overlaps)
            PerformPending();
        return found;
    }

    /// <inheritdoc cref="CheckHook.PerformPending"/>
    internal void PerformPending()
    {
        if (!AreInUse || state.Current!.Buffer is not { Count: > 0 } buffer)
            return;
        // Each is a step of its own for the search and the trace, in the middle of the thread's.
        var actor = buffer.Owner;
        var (operation, mode, traits, at) = (actor.Operation, actor.Mode, actor.Traits, actor.Location);
        while (buffer.Count > 0)
        {
            var step = buffer.Next;
            actor.Operation = step.Operation;
            actor.Mode = step.Mode;
            actor.Traits = StepTable.Of(step.Operation, step.Mode);
            actor.Location = state.Locations.Find(step.Instance, step.Offset, step.Class);
            feed.Drained(buffer.Index);
            feed.Executed(actor, succeeded: true);
            if (!state.IsProbing)
                state.Recorder?.Add(actor, step, succeeded: true, "out of its store buffer", withSource: false, buffer.Oldest);
            PerformOldest(actor);
            listeners.AfterDrained(actor, step);
        }

        (actor.Operation, actor.Mode, actor.Traits, actor.Location) = (operation, mode, traits, at);
    }

    /// <summary>The oldest store of the thread reaches memory.</summary>
    internal void PerformOldest(Actor owner)
    {
        var store = owner.Buffer!.TakeOldest();
        store.Perform();
        var step = store.Step;
        var index = state.Locations.Find(step.Instance, step.Offset, step.Class);
        ref var location = ref state.Locations[index];
        owner.HasWritten(index, location.Version);
        location.Version++;
        location.Wakes++;
        location.LastWriter = owner.Index;
        location.Value = step.Value;
        location.IsStored = StoreBuffer.IsToldWhenPerformed(step);
        location.Stored = step.Value;
        if (step.Operation == CheckOperation.LockRelease)
            location.Owner = -1;
        standard.OnPerformed(owner.Index, store);
    }

    /// <summary>
    /// The second half of a step whose store went into the buffer: for the thread it is done, for others nothing has happened.
    /// </summary>
    internal void After(Actor actor, in CheckStep step)
    {
        actor.HasBuffered = false;
        if (step.Operation == CheckOperation.LockRelease)
            actor.Released(actor.Location);
        actor.Hash(step, succeeded: false);
        feed.Buffered(actor.Buffer!.Index);
        state.Count(actor, succeeded: true);
        listeners.AfterBuffered(actor, step);
    }

    /// <summary>Gives the thread a buffer, where stores are buffered.</summary>
    internal void AddFor(Actor owner)
    {
        if (!isOn)
            return;
        owner.Buffer ??= new StoreBuffer(this, owner);
        owner.Buffer.Reset(state.ActorCount);
        state.Add(owner.Buffer);
    }
}
