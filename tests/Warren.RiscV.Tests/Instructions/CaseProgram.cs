using Warren.RiscV.Tests.Harness;

namespace Warren.RiscV.Tests.Instructions;

/// <summary>Instruction cases over their operand tables, as one guest program.</summary>
internal sealed class CaseProgram
{
    private static readonly ulong[] Corners =
    [
        0, 1, 2, 3, 7, 31, 32, 33, 63, 64, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x1_0000_0000,
        0x7fff_ffff_ffff_ffff, 0x8000_0000_0000_0000, 0x8000_0000_0000_0001, 0xffff_ffff_ffff_ffff, 0xffff_ffff_ffff_fffe,
        0xffff_ffff_8000_0000, 0xffff_ffff_7fff_ffff, 0x5555_5555_5555_5555, 0xaaaa_aaaa_aaaa_aaaa, 0x0123_4567_89ab_cdef,
        0x00ff_0000_8000_0001, 0xdead_beef_cafe_f00d,
    ];

    private readonly TableProgram program = new();
    private readonly IReadOnlyList<InstructionCase> cases;

    public CaseProgram(IReadOnlyList<InstructionCase> cases)
    {
        this.cases = cases;
        var random = new Random(20);
        ulong Pick() => random.Next(3) == 0 ? (ulong)random.NextInt64(long.MinValue, long.MaxValue) : Corners[random.Next(Corners.Length)];
        var none = program.AddTable([[0, 0, 0]]);
        var one = program.AddTable(Corners.Select(a => (ulong[])[a, Pick(), Pick()]));
        var two = program.AddTable(from a in Corners from b in Corners select (ulong[])[a, b, Pick()]);
        foreach (var test in cases)
            program.Apply(test.Statement, floatResult: false, test.Operands switch { 0 => none, 1 => one, _ => two });
    }

    public string Source => program.Source();

    /// <param name="machine">Named in the failure's message.</param>
    /// <param name="output">What the program wrote.</param>
    /// <param name="isErratum">Tells the statements and a1 values of which the machine is known to make something else.</param>
    public void Verify(string machine, ReadOnlySpan<byte> output, Func<string, ulong, bool>? isErratum = null)
        => program.Read(output, (index, row, result, flags) =>
    {
        if (isErratum?.Invoke(cases[index].Statement, row[0]) == true)
            return;

        var expected = cases[index].Expected(row[0], row[1], row[2]);
        if (result != expected || flags != 0)
        {
            Assert.Fail(
                $"{machine} with a1 = {row[0]:x16}, a2 = {row[1]:x16}, a3 = {row[2]:x16} leaves a0 = {result:x16} (fflags {flags:x2}), " +
                $"not {expected:x16}, after\n        {cases[index].Statement}");
        }
    });
}
