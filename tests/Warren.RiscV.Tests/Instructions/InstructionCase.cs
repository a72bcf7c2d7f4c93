using System.Globalization;

namespace Warren.RiscV.Tests.Instructions;

/// <summary>The value that <c>a0</c> must hold after a statement that ran with its operands in a1, a2 and a3.</summary>
internal delegate ulong Expected(ulong a, ulong b, ulong c);

/// <summary>
/// A statement of one or more lines and the meaning the manual gives it, written out in C#. <paramref name="Operands"/> says how many of
/// a1 to a3 matter, and so which table of corner values applies. Statements may use t0 to t6 and a4 to a7, and labels 5 to 7.
/// </summary>
internal sealed record InstructionCase(string Statement, int Operands, Expected Expected)
{
    public static IReadOnlyList<InstructionCase> All { get; } =
    [
        .. IntegerCases.All, .. BitCases.All, .. CompressedCases.All, .. ControlCases.All, .. MemoryCases.All, .. AtomicCases.All,
    ];

    /// <summary>The cases of a three-register instruction: apart, and with its destination equal to each source, and to x0.</summary>
    public static IEnumerable<InstructionCase> Registers(string mnemonic, Func<ulong, ulong, ulong> meaning)
    {
        yield return new($"{mnemonic} a0, a1, a2", 2, (a, b, _) => meaning(a, b));
        yield return new(Lines("mv a0, a1", $"{mnemonic} a0, a0, a2"), 1, (a, b, _) => meaning(a, b));
        yield return new(Lines("mv a0, a2", $"{mnemonic} a0, a1, a0"), 1, (a, b, _) => meaning(a, b));
        yield return new(Lines("mv a0, a1", $"{mnemonic} a0, a0, a0"), 1, (a, _, _) => meaning(a, a));
        yield return new(Lines($"{mnemonic} x0, a1, a2", "mv a0, x0"), 1, (_, _, _) => 0);
        yield return new($"{mnemonic} a0, a1, x0", 1, (a, _, _) => meaning(a, 0));
        yield return new($"{mnemonic} a0, x0, a1", 1, (a, _, _) => meaning(0, a));
    }

    /// <summary>The cases of an instruction with a constant operand: each constant, apart and in place.</summary>
    public static IEnumerable<InstructionCase> Immediates(string mnemonic, ReadOnlySpan<long> constants, Func<ulong, ulong, ulong> meaning)
    {
        var cases = new List<InstructionCase>();
        foreach (var constant in constants)
        {
            var text = constant.ToString(CultureInfo.InvariantCulture);
            cases.Add(new($"{mnemonic} a0, a1, {text}", 1, (a, _, _) => meaning(a, (ulong)constant)));
            cases.Add(new(Lines("mv a0, a1", $"{mnemonic} a0, a0, {text}"), 1, (a, _, _) => meaning(a, (ulong)constant)));
            cases.Add(new(Lines($"{mnemonic} x0, a1, {text}", "mv a0, x0"), 1, (_, _, _) => 0));
        }

        return cases;
    }

    /// <summary>The cases of a two-register instruction.</summary>
    public static IEnumerable<InstructionCase> Unary(string mnemonic, Func<ulong, ulong> meaning)
    {
        yield return new($"{mnemonic} a0, a1", 1, (a, _, _) => meaning(a));
        yield return new(Lines("mv a0, a1", $"{mnemonic} a0, a0"), 1, (a, _, _) => meaning(a));
        yield return new($"{mnemonic} a0, x0", 1, (_, _, _) => meaning(0));
        yield return new(Lines($"{mnemonic} x0, a1", "mv a0, x0"), 1, (_, _, _) => 0);
    }

    public static string Lines(params ReadOnlySpan<string> lines) => string.Join("\n        ", lines);

    public static ulong SignExtendWord(ulong value) => (ulong)(int)value;
}
