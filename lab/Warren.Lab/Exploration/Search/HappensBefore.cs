using Warren.Locking;

namespace Warren.Lab;

/// <summary>
/// The order that the steps of one schedule really need: each event (what a thread does between two decisions) after those of its thread
/// and after those it depends on, as vector clocks; and the races, pairs of dependent events that nothing else orders, whose reversal is
/// another behaviour.
/// </summary>
internal sealed class HappensBefore
{
    private int _stride = 8;
    private int[] _thread = new int[256];
    private int[] _node = new int[256];
    private int[] _previous = new int[256];
    private int[] _clock = new int[256 * 8];
    private int[] _last = new int[ScheduleState.MaxActors];
    private Entry[] _entries = new Entry[256];
    private int _entryCount;

    /// <summary>Of each store buffer, the events that made the stores in it, the oldest first.</summary>
    private readonly Queue<int>?[] _buffered = new Queue<int>?[ScheduleState.MaxActors];

    /// <param name="Event">The earlier event.</param>
    /// <param name="OnlyIfEnabled">It is what the later one waited for, if that could not go on before it.</param>
    internal readonly record struct Race(int Event, bool OnlyIfEnabled);

    /// <summary>One access in the history of a location; they form a list from the newest back.</summary>
    private struct Entry
    {
        internal int Event;
        internal int Before;
        internal int Version;
        internal CheckOperation Operation;
        internal StepTraits Traits;
        internal bool Arrived;
    }

    /// <summary>Events so far; they are numbered from 1.</summary>
    internal int Count { get; private set; }

    internal void Clear()
    {
        Count = 0;
        _entryCount = 0;
        Array.Clear(_last);
        foreach (var stores in _buffered)
            stores?.Clear();
    }

    internal int ThreadOf(int e) => _thread[e];

    /// <summary>The node of the search at which the event was chosen, or -1 when there was nothing to choose.</summary>
    internal int NodeOf(int e) => _node[e];

    internal void Begin(int thread, int node)
    {
        if (thread >= _stride)
            Widen();
        var e = ++Count;
        if (e == _thread.Length)
        {
            Array.Resize(ref _thread, e * 2);
            Array.Resize(ref _node, e * 2);
            Array.Resize(ref _previous, e * 2);
            Array.Resize(ref _clock, e * 2 * _stride);
        }

        _thread[e] = thread;
        _node[e] = node;
        _previous[e] = _last[thread];
        var clock = Clock(e);
        if (_last[thread] == 0)
            clock.Clear();
        else
            Clock(_last[thread]).CopyTo(clock);
        clock[thread] = e;
        _last[thread] = e;
        // A store reaches memory after it was made. Until then nobody but its thread knows of it.
        if (_buffered[thread] is { Count: > 0 } stores)
            Join(clock, Clock(stores.Dequeue()));
    }

    /// <summary>The running event leaves a store to the buffer.</summary>
    internal void Buffer(int buffer) => (_buffered[buffer] ??= []).Enqueue(Count);

    /// <summary>The running event, of the same thread, takes the oldest out.</summary>
    internal void Drain(int buffer) => _buffered[buffer]!.Dequeue();

    /// <summary>The thread comes into being in the running event.</summary>
    internal void Spawn(int thread)
    {
        if (thread >= _stride)
            Widen();
        _last[thread] = Count;
    }

    /// <summary>True when the event comes before the other event of the thread.</summary>
    private bool IsBefore(int e, int thread, int previous) => previous != 0 && e <= _clock[(previous * _stride) + _thread[e]];

    /// <summary>
    /// Adds an access of the running event; the events it races with are put into <paramref name="races"/>, the newest first.
    /// </summary>
    internal void Access(ref Location location, Actor actor, bool succeeded, bool arrivedOnly, List<Race> races)
    {
        var e = Count;
        var thread = _thread[e];
        var traits = actor.Traits;
        if (!succeeded && !arrivedOnly && actor.Operation is CheckOperation.LockTryAcquire or CheckOperation.AtomicUpdate && !succeeded)
            traits = (traits & ~StepTraits.Writes) | StepTraits.Reads;
        var clock = Clock(e);
        var previous = _previous[e];
        for (var i = location.History; i >= 0; i = _entries[i].Before)
        {
            ref var other = ref _entries[i];
            var by = _thread[other.Event];
            if (by != thread && Depends(other, actor.Operation, traits, arrivedOnly, location.Instance))
            {
                if (!IsBefore(other.Event, thread, previous) && !LetsGoOn(other, actor)
                    && (races.Count == 0 || races[^1].Event != other.Event))
                {
                    races.Add(new Race(other.Event, MayLetGoOn(other, actor)));
                }
                Join(clock, Clock(other.Event));
            }

            // Whatever came before a write comes before all that the write comes before.
            if ((other.Traits & StepTraits.Writes) != 0 && !other.Arrived && (by == thread || IsBefore(other.Event, thread, previous)))
                break;
        }

        if (_entryCount == _entries.Length)
            Array.Resize(ref _entries, _entryCount * 2);
        _entries[_entryCount] = new Entry
        {
            Event = e,
            Before = location.History,
            Version = location.Version,
            Operation = actor.Operation,
            Traits = traits,
            Arrived = arrivedOnly,
        };
        location.History = _entryCount++;
    }

    /// <summary>The running event could happen only after the first write of another to something the actor has read.</summary>
    internal void Await(ScheduleState state, Actor actor)
    {
        var first = int.MaxValue;
        for (var r = 0; r < actor.ReadCount; r++)
        {
            for (var i = state.Locations[actor.ReadLocation[r]].History; i >= 0; i = _entries[i].Before)
            {
                ref var entry = ref _entries[i];
                if (entry.Version <= actor.ReadVersion[r])
                    break;
                if ((entry.Traits & StepTraits.Writes) != 0 && _thread[entry.Event] != actor.Index)
                    first = Math.Min(first, entry.Event);
            }
        }

        if (first != int.MaxValue)
            Join(Clock(Count), Clock(first));
    }

    /// <summary>True when exchanging the two neighbours could change anything.</summary>
    private static bool Depends(in Entry other, CheckOperation operation, StepTraits traits, bool arrivedOnly, object? instance)
    {
        if (other.Arrived || arrivedOnly)
        {
            // That somebody waits concerns only those who look for it, and the readers of a lock that lets writers pass first.
            if (other.Arrived && arrivedOnly)
                return false;
            var (o, t) = other.Arrived ? (operation, traits) : (other.Operation, other.Traits);
            return o is CheckOperation.AtomicRead or CheckOperation.WaitProbe
                || (instance is RwSemaphore && o is CheckOperation.LockAcquire
                    or CheckOperation.LockTryAcquire && (t & StepTraits.Writes) == 0);
        }

        return ((other.Traits | traits) & StepTraits.Writes) != 0;
    }

    /// <summary>True when the actor's step cannot be had before the other one, which gave up what it waits for.</summary>
    private static bool LetsGoOn(in Entry other, Actor actor) =>
        actor.Operation == CheckOperation.LockAcquire && actor.Pseudo is null
        && other.Operation is CheckOperation.LockRelease or CheckOperation.LockDowngrade;

    /// <summary>The same, unless something else had let the actor go on before.</summary>
    private static bool MayLetGoOn(in Entry other, Actor actor) => actor.Operation switch
    {
        CheckOperation.WaitSleep => other.Operation == CheckOperation.WaitWakeUp,
        CheckOperation.SequenceReadBegin => other.Operation == CheckOperation.SequenceWriteEnd,
        CheckOperation.SrcuSynchronize => other.Operation == CheckOperation.SrcuReadUnlock && actor.Retrying,
        _ => false,
    };

    private Span<int> Clock(int e) => _clock.AsSpan(e * _stride, _stride);

    private static void Join(Span<int> clock, Span<int> other)
    {
        for (var i = 0; i < clock.Length; i++)
        {
            if (other[i] > clock[i])
                clock[i] = other[i];
        }
    }

    private void Widen()
    {
        var wide = new int[_thread.Length * _stride * 2];
        for (var e = 0; e <= Count; e++)
            Clock(e).CopyTo(wide.AsSpan(e * _stride * 2));
        _stride *= 2;
        _clock = wide;
    }
}
