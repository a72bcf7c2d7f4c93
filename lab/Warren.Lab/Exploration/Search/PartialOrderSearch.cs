using System.Numerics;

namespace Warren.Lab;

/// <summary>
/// Partial-order sampling (Yuan et al. 2018): every step that is about to be made has a random priority and the highest is made; steps that
/// race with it draw theirs anew. Close to uniform over orders that differ, whatever the number of steps in between that matter to nobody.
/// </summary>
internal sealed class PartialOrderSearch(ulong seed) : Search
{
    private readonly ulong[] _priority = new ulong[ScheduleState.MaxActors];
    private Dice _dice = new(seed);

    internal override bool Begin(ScheduleState state)
    {
        Array.Clear(_priority);
        return true;
    }

    internal override int Next(ScheduleState state, int current, ulong candidates, int fallback)
    {
        var best = -1;
        for (var left = candidates; left != 0; left &= left - 1)
        {
            var index = BitOperations.TrailingZeroCount(left);
            if (_priority[index] == 0)
                _priority[index] = _dice.Next() | 1;
            if (best < 0 || _priority[index] > _priority[best])
                best = index;
        }

        var chosen = state[best];
        for (var i = 0; i < state.ActorCount; i++)
        {
            var other = state[i];
            if (other.Location == chosen.Location && chosen.Location >= 0 && ((other.Traits | chosen.Traits) & StepTraits.Writes) != 0)
                _priority[i] = 0;
        }

        _priority[best] = 0;
        return best;
    }

    internal override int Choose(ScheduleState state, int count) => _dice.Below(count);
}
