namespace Warren.Lab;

/// <summary>The random searches in turn: each is good at what the others miss.</summary>
internal sealed class MixedSearch(ulong seed) : Search
{
    private readonly Search[] _searches =
        [new PctSearch(seed), new PartialOrderSearch(seed + 1), new FairSearch(seed + 2), new PctSearch(seed + 3),
            new RandomSearch(seed + 4)];

    private int _turn = -1;

    private Search Now => _searches[_turn];

    internal override bool Begin(ScheduleState state)
    {
        _turn = (_turn + 1) % _searches.Length;
        return Now.Begin(state);
    }

    internal override void Fairness(ScheduleState state) => Now.Fairness(state);

    internal override int Next(ScheduleState state, int current, ulong candidates, int fallback) =>
        Now.Next(state, current, candidates, fallback);

    internal override bool EndsFirst(int next, int waiting) => Now.EndsFirst(next, waiting);

    internal override int Choose(ScheduleState state, int count) => Now.Choose(state, count);

    internal override void End(ScheduleState state) => Now.End(state);
}
