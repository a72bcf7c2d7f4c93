namespace Warren.Lab;

/// <summary>A uniform choice among the threads at every step.</summary>
internal sealed class RandomSearch(ulong seed) : Search
{
    private Dice _dice = new(seed);

    internal override bool Begin(ScheduleState state) => true;

    internal override int Next(ScheduleState state, int current, ulong candidates, int fallback) => _dice.Bit(candidates);

    internal override int Choose(ScheduleState state, int count) => _dice.Below(count);
}
