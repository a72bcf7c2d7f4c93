namespace Warren.RiscV.Csrs;

/// <summary>Interrupt bits of <c>sip</c> and <c>sie</c>, in falling priority: external, software, timer.</summary>
public static class Interrupts
{
    public const int Software = 1;
    public const int Timer = 5;
    public const int External = 9;

    internal const ulong All = 1 << Software | 1 << Timer | 1 << External;

    /// <summary>Number of the interrupt to take first out of <paramref name="pending"/>, which is not 0.</summary>
    internal static int First(ulong pending)
        => (pending & 1 << External) != 0 ? External : (pending & 1 << Software) != 0 ? Software : Timer;
}
