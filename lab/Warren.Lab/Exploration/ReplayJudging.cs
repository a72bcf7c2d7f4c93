namespace Warren.Lab;

/// <summary>The options that decide what verdict a schedule gets: a replay has those it was found with.</summary>
internal sealed record ReplayJudging(bool WeakMemory, bool DataRaces, bool LockOrder, int MaxSteps, int FairAfter, int StarvationRounds)
{
    internal const int LimitCount = 3;

    private const int WeakMemoryFlag = 2;
    private const int NoDataRacesFlag = 4;
    private const int NoLockOrderFlag = 8;
    private const int LimitsFlag = 16;

    private static readonly ExplorationOptions s_usual = new();

    /// <summary>In the byte of flags.</summary>
    internal byte Flags =>
        (byte)((WeakMemory ? WeakMemoryFlag : 0) | (DataRaces ? 0 : NoDataRacesFlag) | (LockOrder ? 0 : NoLockOrderFlag)
            | (Limits.Length > 0 ? LimitsFlag : 0));

    /// <summary>The numbers; none when all are the usual ones.</summary>
    internal int[] Limits =>
        (MaxSteps, FairAfter, StarvationRounds) == (s_usual.MaxSteps, s_usual.FairAfter, s_usual.StarvationRounds) ? []
        : [MaxSteps, FairAfter, StarvationRounds];

    internal static bool HasLimits(byte flags) => (flags & LimitsFlag) != 0;

    internal static ReplayJudging Of(byte flags, int[] limits)
    {
        var usual = limits.Length == 0 ? [s_usual.MaxSteps, s_usual.FairAfter, s_usual.StarvationRounds] : limits;
        return new((flags & WeakMemoryFlag) != 0, (flags & NoDataRacesFlag) == 0, (flags & NoLockOrderFlag) == 0, usual[0], usual[1],
            usual[2]);
    }

    internal static ReplayJudging Of(ExplorationOptions options) =>
        new(options.WeakMemory, options.DataRaces, options.LockOrder, options.MaxSteps, options.FairAfter, options.StarvationRounds);

    internal ExplorationOptions ToOptions() => new()
    {
        WeakMemory = WeakMemory,
        DataRaces = DataRaces,
        LockOrder = LockOrder,
        MaxSteps = MaxSteps,
        FairAfter = FairAfter,
        StarvationRounds = StarvationRounds,
    };
}
