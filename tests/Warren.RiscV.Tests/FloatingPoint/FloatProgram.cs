using Warren.RiscV.FloatingPoint;
using Warren.RiscV.Tests.Harness;

namespace Warren.RiscV.Tests.FloatingPoint;

/// <summary>
/// Every instruction of <see cref="FloatInstruction.All"/>, in every mode, over corner and random registers, as one guest program.
/// </summary>
internal sealed class FloatProgram
{
    private readonly TableProgram program = new();
    private readonly List<(FloatInstruction Instruction, RoundingMode Rounding, string Statement)> applied = [];

    /// <param name="seed">Chooses the random rows.</param>
    /// <param name="rows">Rows of each table.</param>
    public FloatProgram(int seed, int rows)
    {
        var random = new Random(seed);
        var tables = new Dictionary<string, int>();
        foreach (var instruction in FloatInstruction.All)
        {
            if (!tables.TryGetValue(instruction.Operands, out var table))
            {
                table = program.AddTable(Enumerable.Range(0, rows).Select(i => Row(random, instruction.Operands, i)).ToList());
                tables.Add(instruction.Operands, table);
            }

            foreach (var rm in instruction.Rounds ? Enum.GetValues<RoundingMode>() : [RoundingMode.Rne])
            {
                var statement = Statement(instruction, rm);
                applied.Add((instruction, rm, statement));
                program.Apply(statement, instruction.Result != 'x', table);
            }
        }
    }

    public string Source => program.Source();

    /// <summary>Compares what a machine made of the program with <see cref="FloatInstruction.Tested"/>.</summary>
    public void Verify(string machine, ReadOnlySpan<byte> output) => program.Read(output, (index, row, result, flags) =>
    {
        (var instruction, var rm, var statement) = applied[index];
        ulong[] values = [0, 0, 0];
        for (var k = 0; k < instruction.Operands.Length; k++)
            values[k] = instruction.Operands[k] == 's' ? NanBoxing.UnboxSingle(row[k]) : row[k];

        uint expectedFlags = 0;
        var expected = instruction.Tested(values[0], values[1], values[2], rm, ref expectedFlags);
        expected = instruction.Result == 's' ? NanBoxing.BoxSingle((uint)expected) : expected;
        Assert.True(
            result == expected && flags == expectedFlags,
            $"{statement} of {row[0]:x16} {row[1]:x16} {row[2]:x16}: {machine} says {result:x16} flags {flags:x2}, " +
            $"we say {expected:x16} flags {expectedFlags:x2}");
    });

    private static ulong[] Row(Random random, string kinds, int index)
    {
        ulong[] row = [0, 0, 0];
        for (var k = 0; k < kinds.Length; k++)
        {
            // The first row of a column walks through the corners once, the rest is drawn; some singles are badly boxed.
            var corners = Operands.Corners(kinds[k]);
            var corner = index < corners.Length ? k == 0 || random.Next(2) == 0 : random.Next(4) == 0;
            var pick = k == 0 && index < corners.Length ? index : random.Next(corners.Length);
            var value = corner ? corners[pick] : Operands.Next(random, kinds[k]);
            row[k] = kinds[k] == 's' && random.Next(50) != 0 ? NanBoxing.BoxSingle((uint)value) : value;
        }

        return row;
    }

    private static string Statement(FloatInstruction instruction, RoundingMode rm)
    {
        var result = instruction.Result == 'x' ? "a0" : "fa0";
        var operands = instruction.Operands.Select((kind, k) => kind == 'x' ? $"a{k + 1}" : $"fa{k + 1}");
        var rounding = instruction.Rounds ? $", {rm.ToString().ToLowerInvariant()}" : "";
        return $"{instruction.Mnemonic} {result}, {string.Join(", ", operands)}{rounding}";
    }
}
