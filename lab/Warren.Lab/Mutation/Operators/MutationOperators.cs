namespace Warren.Lab.Mutation;

internal static class MutationOperators
{
    /// <summary>The mistakes that concurrent memory code knows. Of two that make the same text the first gives the name.</summary>
    internal static IReadOnlyList<IMutationOperator> All { get; } =
    [
        new DropFence(), new DropUndo(), new DropWait(), new DropStatement(), new LateSnapshot(), new SwapNeighbours(), new DropLock(),
            new WeakenLock(), new LockLater(), new UnlockEarlier(), new CheckBeforeLock(),
        new WeakenAtomic(), new BlindStore(), new DropCheck(), new InvertCheck(), new DropOperand(), new StopLoop(), new OffByOne(),
            new WrongWhich(),
    ];
}
