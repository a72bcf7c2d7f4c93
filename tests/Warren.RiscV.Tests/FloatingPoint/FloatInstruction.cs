namespace Warren.RiscV.Tests.FloatingPoint;

/// <summary>
/// One computational F or D instruction: how it is written, and both sides of its meaning.
/// <paramref name="Shape"/> is <c>result=operands</c>, each letter a register kind: s and d floating point, x integer.
/// </summary>
internal sealed partial record FloatInstruction(string Mnemonic, string Shape, bool Rounds, FloatOperation Tested, FloatOperation Exact)
{
    public static IReadOnlyList<FloatInstruction> All { get; } = [.. SinglePrecision(), .. DoublePrecision()];

    public char Result => Shape[0];

    public string Operands => Shape[2..];

    public override string ToString() => Mnemonic;
}
