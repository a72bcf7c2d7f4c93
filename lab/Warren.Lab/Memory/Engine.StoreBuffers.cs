using Warren.Locking;

namespace Warren.Lab;

/// <summary>Weak memory: the half of the hook that keeps stores back, and what the scheduler does when one reaches memory.</summary>
internal sealed partial class Engine
{
    /// <summary>Stores wait in buffers. Changes only between schedules.</summary>
    internal bool WeakMemory { get; set; }

    /// <inheritdoc/>
    public override bool BuffersStores => WeakMemory && Current is { Muted: false } && !_aborting;

    /// <inheritdoc/>
    public override bool TryBuffer(in PendingStore store)
    {
        var actor = Current!;
        if (actor.Buffer is not { } buffer)
            return false;
        buffer.Add(store);
        actor.HasBuffered = true;
        _standard.OnBuffered(actor.Index);
        return true;
    }

    /// <inheritdoc/>
    public override bool TryForward(object? owner, nint offset, int size, out PendingStore store)
    {
        store = default;
        if (Current!.Buffer is not { } buffer)
            return false;
        var found = buffer.TryFind(owner, offset, size, out store, out var overlaps);
        // The load waits until the bytes are in memory.
        if (overlaps)
            PerformPending();
        return found;
    }

    /// <inheritdoc/>
    public override void PerformPending()
    {
        if (!BuffersStores || Current!.Buffer is not { Count: > 0 } buffer)
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
            actor.Location = _locations.Find(step.Instance, step.Offset, step.Class);
            if (_searchWatches)
                _search.Drained(buffer.Index);
            Executed(actor, succeeded: true);
            if (!_probing)
                Recorder?.Add(actor, step, succeeded: true, "out of its store buffer", withSource: false, buffer.Oldest);
            PerformOldest(actor);
            if (_hasOracles)
                Tell(actor, actor.Index, actor.Traits, step, succeeded: true, IsToldWhenPerformed(step));
        }

        (actor.Operation, actor.Mode, actor.Traits, actor.Location) = (operation, mode, traits, at);
    }

    /// <summary>The oldest store of the thread reaches memory.</summary>
    internal void PerformOldest(Actor owner)
    {
        var store = owner.Buffer!.TakeOldest();
        store.Perform();
        var step = store.Step;
        var index = _locations.Find(step.Instance, step.Offset, step.Class);
        ref var location = ref _locations[index];
        owner.HasWritten(index, location.Version);
        location.Version++;
        location.Wakes++;
        location.LastWriter = owner.Index;
        location.Value = step.Value;
        location.IsStored = IsToldWhenPerformed(step);
        location.Stored = step.Value;
        if (step.Operation == CheckOperation.LockRelease)
            location.Owner = -1;
        _standard.OnPerformed(owner.Index, store);
    }

    /// <summary>
    /// The second half of a step whose store went into the buffer: for the thread it is done, for others nothing has happened.
    /// </summary>
    private void AfterBuffered(Actor actor, in CheckStep step)
    {
        actor.HasBuffered = false;
        if (step.Operation == CheckOperation.LockRelease)
            actor.Released(actor.Location);
        actor.LoopHash = (actor.LoopHash ^ (ulong)step.Value ^ ((ulong)(uint)actor.Location << 32) ^ ((ulong)step.Operation << 56))
            * 0x9E3779B97F4A7C15;
        if (_searchWatches)
            _search.Buffered(actor.Buffer!.Index);
        Count(actor, succeeded: true);
        if (!_probing)
            Recorder?.Add(actor, step, succeeded: true, "into its store buffer", store: actor.Buffer!.Newest);
        if (_validator is not null)
            ValidateAfter(actor, step, succeeded: true);
        TellStandard(actor, step, succeeded: true);
        if (_hasOracles && !IsToldWhenPerformed(step))
            TellAfter(actor, step, succeeded: true);
    }

    /// <summary>Monitors learn of a write when it reaches memory; that a thread has let go of a lock, when it does.</summary>
    private static bool IsToldWhenPerformed(in CheckStep step) => step.Operation is CheckOperation.AtomicWrite or CheckOperation.PlainWrite;

    /// <summary>With a verdict nothing is explored any more; what threads meant to write is there for their clean-up.</summary>
    private void PerformAllPending()
    {
        if (!WeakMemory)
            return;
        for (var i = 0; i < _actorCount; i++)
        {
            while (_actors[i].Buffer is { Count: > 0 } buffer)
                buffer.TakeOldest().Perform();
        }
    }

    private void AddBuffer(Actor owner)
    {
        owner.Buffer ??= new StoreBuffer(this, owner);
        owner.Buffer.Reset(_actorCount);
        AddPseudo(owner.Buffer);
    }
}
