using Warren.RiscV.FloatingPoint;

namespace Warren.RiscV.Tests.FloatingPoint;

/// <summary>Every instruction in every mode, bit for bit and flag for flag, against the rational-number oracle.</summary>
public class ExactnessTests
{
    private static readonly RoundingMode[] Modes = Enum.GetValues<RoundingMode>();

    public static TheoryData<string> Mnemonics => [.. FloatInstruction.All.Select(i => i.Mnemonic)];

    [Theory]
    [MemberData(nameof(Mnemonics))]
    public void Corners_agree_with_exact_arithmetic(string mnemonic)
    {
        var instruction = Find(mnemonic);
        ulong[][] corners = [.. instruction.Operands.Select(Operands.Corners)];
        if (corners.Length < 3)
        {
            foreach (var a in corners[0])
            {
                foreach (var b in corners.Length == 2 ? corners[1] : [0])
                    CheckModes(instruction, a, b, 0);
            }

            return;
        }

        // The cube of the table is too large: every pair of two operands, with a third that walks through it.
        var walk = 0;
        foreach (var x in corners[0])
        {
            foreach (var y in corners[0])
            {
                var z = corners[0][walk++ * 7 % corners[0].Length];
                Check(instruction, x, y, z, Modes[walk % Modes.Length]);
                Check(instruction, x, z, y, Modes[walk % Modes.Length]);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Mnemonics))]
    public void Random_values_agree_with_exact_arithmetic(string mnemonic)
    {
        var instruction = Find(mnemonic);
        var random = new Random(HostAgreementTests.FirstSeed + mnemonic.Sum(c => c * 977));
        var rounds = int.Parse(Environment.GetEnvironmentVariable("WARREN_FP_ROUNDS") ?? "1000", null);
        for (var i = 0; i < rounds; i++)
        {
            ulong[] values = [0, 0, 0];
            for (var k = 0; k < instruction.Operands.Length; k++)
                values[k] = Operands.Next(random, instruction.Operands[k]);

            CheckModes(instruction, values[0], values[1], values[2]);
            if (instruction.Operands.Length == 3)
            {
                // An addend next to the product, where cancellation and the double rounding of a sloppy fused sum show.
                uint ignored = 0;
                var product = Find("fmul" + mnemonic[^2..]).Exact(values[0], values[1], 0, RoundingMode.Rne, ref ignored);
                CheckModes(instruction, values[0], values[1], product ^ (ulong)random.Next(4));
                var sign = instruction.Result == 's' ? ExactFormat.Single.SignBit : ExactFormat.Double.SignBit;
                CheckModes(instruction, values[0], values[1], product ^ sign);
            }
        }
    }

    private static FloatInstruction Find(string mnemonic) => FloatInstruction.All.Single(i => i.Mnemonic == mnemonic);

    private static void CheckModes(FloatInstruction instruction, ulong a, ulong b, ulong c)
    {
        foreach (var rm in instruction.Rounds ? Modes : Modes.AsSpan(0, 1))
            Check(instruction, a, b, c, rm);
    }

    private static void Check(FloatInstruction instruction, ulong a, ulong b, ulong c, RoundingMode rm)
    {
        uint exactFlags = 0;
        var exact = instruction.Exact(a, b, c, rm, ref exactFlags);

        // Flags accrue, and the fast paths depend on what has accrued already: from nothing, and from a set with NX.
        foreach (var before in (ReadOnlySpan<uint>)[0, FloatFlags.Inexact, FloatFlags.DivideByZero, FloatFlags.All])
        {
            var flags = before;
            var result = instruction.Tested(a, b, c, rm, ref flags);
            if (result != exact || flags != (before | exactFlags))
            {
                Assert.Fail(
                    $"{instruction} {rm} of {a:x16} {b:x16} {c:x16} with flags {before:x2}: got {result:x16} flags {flags:x2}, " +
                    $"exactly {exact:x16} flags {before | exactFlags:x2}");
            }
        }
    }
}
