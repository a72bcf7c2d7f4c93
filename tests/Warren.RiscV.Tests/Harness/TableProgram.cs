using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Warren.RiscV.Tests.Harness;

/// <summary>
/// A guest program that applies statements to rows of operands. A row's three values are in a1 to a3, and bit for bit in fa1 to fa3,
/// when the statement runs; it leaves its result in a0 or fa0. Two pages
/// of memory, aligned, are at the label <c>scratch</c>. Each application starts with fflags clear and yields result and fflags.
/// </summary>
internal sealed class TableProgram
{
    private const int OutcomeBytes = 16;

    private readonly List<(string Statement, bool FloatResult, int Table)> statements = [];
    private readonly List<ulong[][]> tables = [];

    public long OutputLength => statements.Sum(s => (long)tables[s.Table].Length * OutcomeBytes);

    /// <summary>Adds rows of up to three operands and returns their number for <see cref="Apply"/>.</summary>
    public int AddTable(IEnumerable<ulong[]> rows)
    {
        tables.Add([.. rows]);
        return tables.Count - 1;
    }

    /// <summary>Applies <paramref name="statement"/> (one or more lines) to every row of a table.</summary>
    public void Apply(string statement, bool floatResult, int table) => statements.Add((statement, floatResult, table));

    public string Source()
    {
        var text = new StringBuilder("""
                    .globl  _start
            _start: la      s1, output

            """);
        foreach ((var statement, var floatResult, var table) in statements)
        {
            text.Append(CultureInfo.InvariantCulture, $"""
                        la      s0, table{table}
                        li      s2, {tables[table].Length}
                1:      ld      a1, 0(s0)
                        ld      a2, 8(s0)
                        ld      a3, 16(s0)
                        fld     fa1, 0(s0)
                        fld     fa2, 8(s0)
                        fld     fa3, 16(s0)
                        fsflags x0
                        {statement}
                        frflags t1
                        {(floatResult ? "fsd     fa0" : "sd      a0")}, 0(s1)
                        sd      t1, 8(s1)
                        addi    s0, s0, 24
                        addi    s1, s1, {OutcomeBytes}
                        addi    s2, s2, -1
                        bnez    s2, 1b

                """);
        }

        text.Append(GuestProgram.Epilogue(OutputLength));
        text.Append("        .data\n        .align 4\n");
        for (var i = 0; i < tables.Count; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"table{i}:\n");
            foreach (var row in tables[i])
            {
                ulong At(int k) => k < row.Length ? row[k] : 0;
                text.Append(CultureInfo.InvariantCulture, $"        .dword 0x{At(0):x}, 0x{At(1):x}, 0x{At(2):x}\n");
            }
        }

        text.Append("        .bss\n        .balign 4096\nscratch: .zero 8192\n");
        text.Append(CultureInfo.InvariantCulture, $"output: .zero {OutputLength}\n");
        return text.ToString();
    }

    /// <summary>Calls <paramref name="visit"/> with every statement's index, its row, and the result and flags it left.</summary>
    public void Read(ReadOnlySpan<byte> output, Action<int, ulong[], ulong, uint> visit)
    {
        Assert.Equal(OutputLength, output.Length);
        for (var i = 0; i < statements.Count; i++)
        {
            foreach (var row in tables[statements[i].Table])
            {
                var result = BinaryPrimitives.ReadUInt64LittleEndian(output);
                var flags = (uint)BinaryPrimitives.ReadUInt64LittleEndian(output[8..]);
                visit(i, row, result, flags);
                output = output[OutcomeBytes..];
            }
        }
    }
}
