using System.Numerics;

namespace Warren.Lab;

/// <summary>
/// The order from some step on, when it is no longer the search's: who was held back goes on as soon as it can, and all others in turn,
/// each for a few steps. What does not end under such an order has no excuse.
/// </summary>
internal sealed class FairOrder(ScheduleState state, RepetitionWatch repetitions)
{
    private bool _hasBegun;

    /// <summary>The next schedule begins.</summary>
    internal void Reset() => _hasBegun = false;

    /// <summary>The choice of who makes the next step; the schedule may have got its verdict instead.</summary>
    internal int Next(int current, ulong candidates)
    {
        if (!_hasBegun)
        {
            _hasBegun = true;
            repetitions.Begin();
        }

        for (var held = state.Unfinished & ~candidates; held != 0; held &= held - 1)
            state[BitOperations.TrailingZeroCount(held)].WasHeldBack = true;
        var next = -1;
        for (var left = candidates; left != 0; left &= left - 1)
        {
            var index = BitOperations.TrailingZeroCount(left);
            if (next < 0 || IsBefore(state[index], state[next]))
                next = index;
        }

        if (!state[next].WasHeldBack && (candidates >> current & 1) != 0 && state[current].QuantumLeft > 0)
            next = current;
        var actor = state[next];
        if (next != current)
            actor.QuantumLeft = state.FairSeed == 0 ? 1 : 1 + new Dice(state.FairSeed + (ulong)next).Below(12);
        actor.QuantumLeft--;
        actor.LastRun = state.Steps + 1;
        actor.WasHeldBack = false;
        repetitions.Observe(actor);
        return next;
    }

    private static bool IsBefore(Actor one, Actor other) =>
        one.WasHeldBack != other.WasHeldBack ? one.WasHeldBack : one.LastRun < other.LastRun;
}
