namespace Warren.Lab;

/// <summary>
/// A random beginning of random length, and from there a fair order in which every thread makes a few steps in its turn, how many being
/// drawn once: what can go on for ever under a fair order does so soon under one of these.
/// </summary>
internal sealed class FairSearch(ulong seed) : Search
{
    private Dice _dice = new(seed);
    private long _longest = 16;
    private ulong _fairSeed;
    private int _stickiness;

    internal override bool Begin(ScheduleState state)
    {
        _fairSeed = _dice.Below(4) == 0 ? 0 : _dice.Next() >> 40;
        _stickiness = 1 + _dice.Below(6);
        return true;
    }

    internal override void Fairness(ScheduleState state)
    {
        state.FairFrom = Math.Min(state.FairFrom, _dice.Below((int)_longest));
        state.FairSeed = _fairSeed;
    }

    internal override int Next(ScheduleState state, int current, ulong candidates, int fallback) =>
        current >= 0 && _dice.Below(_stickiness) != 0 ? current : _dice.Bit(candidates);

    internal override int Choose(ScheduleState state, int count) => _dice.Below(count);

    internal override void End(ScheduleState state) => _longest = Math.Clamp(state.Steps, _longest, 1_000);
}
