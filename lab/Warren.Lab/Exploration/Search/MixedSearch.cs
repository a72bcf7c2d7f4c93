namespace Warren.Lab;

/// <summary>The random searches in turn: each is good at what the others miss.</summary>
internal sealed class MixedSearch(ulong seed) : Search
{
    private readonly Search[] _searches =
        [new PctSearch(seed), new PartialOrderSearch(seed + 1), new FairSearch(seed + 2), new PctSearch(seed + 3),
            new RandomSearch(seed + 4)];

    private int _turn = -1;

    private Search Now => _searches[_turn];

    internal override bool Begin(Engine engine)
    {
        _turn = (_turn + 1) % _searches.Length;
        return Now.Begin(engine);
    }

    internal override void Fairness(Engine engine) => Now.Fairness(engine);

    internal override int Next(Engine engine, int current, ulong candidates, int fallback) =>
        Now.Next(engine, current, candidates, fallback);

    internal override bool EndsFirst(int next, int waiting) => Now.EndsFirst(next, waiting);

    internal override int Choose(Engine engine, int count) => Now.Choose(engine, count);

    internal override void End(Engine engine) => Now.End(engine);
}
