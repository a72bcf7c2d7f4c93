using System.Numerics;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>
/// Depth first through every schedule of at most so many preemptions. Reduced, it goes back only to decisions whose reversal the execution
/// shows to matter: where two events race, the later one's thread is tried before the earlier one (dynamic partial-order reduction,
/// Flanagan and Godefroid 2005), and, since there it may cost a preemption too many, also at the last place before where it costs none
/// (conservative points of bounded reduction, Coons et al. 2013). Every race is followed, not only the last one, so that no bound hides the
/// others.
/// </summary>
internal sealed class ExhaustiveSearch(int bound, bool reduce = true) : Search
{
    private readonly HappensBefore _order = new();
    private readonly List<HappensBefore.Race> _races = [];
    private Node[] _nodes = new Node[64];
    private int _depth;
    private int _position;
    private int _pending = -1;
    private bool _started;

    private ScheduleState _state = null!;

    /// <summary>
    /// For each event the last one, up to it, in whose place another thread could have gone on without a preemption: where the run began
    /// that it belongs to (events of a thread with nothing of another between them, whatever stores reached memory meanwhile), or where its
    /// thread had to wait for such a store.
    /// </summary>
    private int[] _freePlace = new int[256];

    /// <summary>The thread whose run it is.</summary>
    private int _runner;

    private struct Node
    {
        internal bool IsChoice;
        internal int Chosen;

        /// <summary>Number of values of a choice.</summary>
        internal int Count;

        /// <summary>The thread that could have gone on, or -1.</summary>
        internal int Current;
        internal ulong Candidates;

        /// <summary>Of these, whose step is no preemption.</summary>
        internal ulong Free;
        internal ulong Wanted;
        internal ulong Done;

        /// <summary>Preemptions on the way to it.</summary>
        internal int Preemptions;
        internal ulong TraceHash;
        internal int Actor;
        internal CheckOperation Operation;
    }

    /// <summary>Something was left out because of the bound, or since a schedule did not end before its order became fair.</summary>
    internal bool CutOff { get; private set; }

    /// <summary>A hash of the first schedule, where no decision is against the default; null before its end.</summary>
    internal ulong? FirstTrace { get; private set; }

    /// <summary>All there is has been covered.</summary>
    internal bool Finished { get; private set; }

    internal override bool WatchesSteps => reduce;

    internal override bool Begin(ScheduleState state)
    {
        if (_started && !Backtrack())
        {
            Finished = true;
            return false;
        }

        _started = true;
        _state = state;
        _runner = -1;
        _position = 0;
        _pending = -1;
        _order.Clear();
        return true;
    }

    internal override void Restart()
    {
        _depth = 0;
        _started = false;
        CutOff = false;
        FirstTrace = null;
    }

    internal override int Next(ScheduleState state, int current, ulong candidates, int fallback)
    {
        if (_position < _depth)
        {
            ref var known = ref _nodes[_position];
            if (known.IsChoice || known.Candidates != candidates || known.Current != current || known.TraceHash != state.TraceHash)
            {
                state.Diverged(known.Actor, known.Operation);
                return fallback;
            }

            _pending = _position++;
            return known.Chosen;
        }

        var preemptions = _depth == 0 ? 0 : PreemptionsAfter(_nodes[_depth - 1]);
        ref var node = ref Push();
        node = new Node
        {
            Chosen = fallback,
            Current = current,
            Candidates = candidates,
            Free = current < 0 ? candidates : candidates & (state.PseudoThreads | 1ul << current),
            Preemptions = preemptions,
            TraceHash = state.TraceHash,
            Wanted = reduce ? 1ul << fallback : candidates,
            Done = 1ul << fallback,
            Actor = state.LastActor,
            Operation = state[state.LastActor].Operation,
        };
        _pending = _position++;
        return fallback;
    }

    internal override int Choose(ScheduleState state, int count)
    {
        if (_position < _depth)
        {
            ref var known = ref _nodes[_position++];
            if (known.IsChoice && known.Count == count)
                return known.Chosen;
            state.Diverged(known.Actor, known.Operation);
            return 0;
        }

        var preemptions = _depth == 0 ? 0 : PreemptionsAfter(_nodes[_depth - 1]);
        ref var node = ref Push();
        node = new Node { IsChoice = true, Count = count, Preemptions = preemptions, TraceHash = state.TraceHash, Current = -1 };
        _position++;
        return 0;
    }

    internal override void End(ScheduleState state)
    {
        FirstTrace ??= state.TraceHash;
        CutOff |= state.Steps > state.FairFrom;
        // It ended before it came to the decision that it was to take otherwise.
        if (_position < _depth)
            state.Diverged(_nodes[_position].Actor, _nodes[_position].Operation);
    }

    internal override void Scheduled(int actor)
    {
        _order.Begin(actor, _pending);
        var e = _order.Count;
        if (e == _freePlace.Length)
            Array.Resize(ref _freePlace, e * 2);
        // The steps of store buffers and of time take the turn from nobody.
        var takesTurn = (_state.PseudoThreads >> actor & 1) == 0;
        var isFree = e == 1 || (takesTurn && actor != _runner) || (_pending >= 0 && _nodes[_pending].Current < 0);
        _freePlace[e] = isFree ? e : _freePlace[e - 1];
        if (takesTurn)
            _runner = actor;
        _pending = -1;
    }

    internal override void Accessed(ScheduleState state, Actor actor, bool succeeded, bool arrivedOnly)
    {
        _races.Clear();
        _order.Access(ref state.Locations[actor.Dependence], actor, succeeded, arrivedOnly, _races);
        var enablers = 0;
        foreach (var race in _races)
            enablers += race.OnlyIfEnabled ? 1 : 0;
        foreach (var (race, onlyIfEnabled) in _races)
        {
            // What alone let it go on must come first. Of several, each might have been the first.
            if (onlyIfEnabled && enablers == 1 && !IsCandidate(race, actor.Index))
                continue;
            Want(race, actor.Index);
            if (bound == int.MaxValue)
                continue;
            if (_freePlace[race] is var free && free != race)
                Want(free, actor.Index);
        }
    }

    private bool IsCandidate(int e, int thread) => _order.NodeOf(e) is >= 0 and var node && (_nodes[node].Candidates >> thread & 1) != 0;

    internal override void Buffered(int buffer) => _order.Buffer(buffer);

    internal override void Drained(int buffer) => _order.Drain(buffer);

    internal override void Awaited(ScheduleState state, Actor actor) => _order.Await(state, actor);

    internal override void Spawned(int actor) => _order.Spawn(actor);

    /// <summary>Has the thread, or else whoever leads to it, tried where the event was chosen.</summary>
    private void Want(int e, int thread)
    {
        var index = _order.NodeOf(e);
        if (index < 0)
            return;
        ref var node = ref _nodes[index];
        if ((node.Candidates >> thread & 1) != 0)
        {
            node.Wanted |= 1ul << thread;
            return;
        }

        node.Wanted |= node.Candidates;
    }

    /// <summary>Turns to the deepest decision that has something left to try.</summary>
    private bool Backtrack()
    {
        for (; _depth > 0; _depth--)
        {
            ref var node = ref _nodes[_depth - 1];
            if (node.IsChoice)
            {
                if (++node.Chosen < node.Count)
                    return true;
                continue;
            }

            for (var left = node.Wanted & ~node.Done; left != 0; left &= left - 1)
            {
                var thread = BitOperations.TrailingZeroCount(left);
                node.Done |= 1ul << thread;
                if (node.Preemptions + (int)(~node.Free >> thread & 1) > bound)
                {
                    CutOff = true;
                    continue;
                }

                node.Chosen = thread;
                return true;
            }
        }

        return false;
    }

    private static int PreemptionsAfter(in Node node) =>
        node.Preemptions + (node.IsChoice ? 0 : (int)(~node.Free >> node.Chosen & 1));

    private ref Node Push()
    {
        if (_depth == _nodes.Length)
            Array.Resize(ref _nodes, _depth * 2);
        return ref _nodes[_depth++];
    }
}
