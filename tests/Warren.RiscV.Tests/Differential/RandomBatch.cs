using System.Globalization;
using System.Text;
using Warren.RiscV.FloatingPoint;
using Warren.RiscV.Tests.FloatingPoint;
using Warren.RiscV.Tests.Harness;

namespace Warren.RiscV.Tests.Differential;

/// <summary>
/// Many random programs in one executable, so that one launch judges them all. Each starts from registers, fcsr and memory of its own
/// seed, and leaves the same behind in its block: a scratch page, x0 to x31, f0 to f31, fcsr.
/// </summary>
internal sealed class RandomBatch
{
    private const int ScratchBytes = 4096;
    private const int BlockBytes = ScratchBytes + 65 * 8;

    private readonly int firstSeed;
    private readonly List<string> bodies = [];

    public RandomBatch(int firstSeed, int count, int items)
    {
        this.firstSeed = firstSeed;
        for (var i = 0; i < count; i++)
            bodies.Add(new RandomBody(firstSeed + i).Generate(items));
    }

    public string Source()
    {
        var text = new StringBuilder("""
                    .globl  _start
            _start:

            """);
        for (var i = 0; i < bodies.Count; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"program{i}:\n");
            Enter(text, i);
            text.Append(bodies[i]);
            Leave(text, i);
        }

        text.Append(GuestProgram.Epilogue((long)bodies.Count * BlockBytes));
        text.Append("        .data\n        .balign 4096\noutput:\n");
        for (var i = 0; i < bodies.Count; i++)
            Block(text, i);

        return text.ToString();
    }

    /// <summary>Fails with the first program whose block the two machines left differently: its seed, the differences, its text.</summary>
    public void Compare(string oneMachine, ReadOnlySpan<byte> one, string otherMachine, ReadOnlySpan<byte> other)
    {
        Assert.Equal(bodies.Count * BlockBytes, one.Length);
        Assert.Equal(one.Length, other.Length);
        for (var i = 0; i < bodies.Count; i++)
        {
            var a = one.Slice(i * BlockBytes, BlockBytes);
            var b = other.Slice(i * BlockBytes, BlockBytes);
            if (a.SequenceEqual(b))
                continue;

            var report = new StringBuilder();
            report.Append(CultureInfo.InvariantCulture, $"seed {firstSeed + i}: {oneMachine} and {otherMachine} differ\n");
            for (var at = 0; at < BlockBytes; at += 8)
            {
                var x = BitConverter.ToUInt64(a[at..]);
                var y = BitConverter.ToUInt64(b[at..]);
                if (x != y)
                    report.Append(CultureInfo.InvariantCulture, $"  {Name(at),-12} {x:x16} {y:x16}\n");
            }

            Assert.Fail(report.Append(bodies[i]).ToString());
        }
    }

    private static string Name(int offset)
    {
        var register = (offset - ScratchBytes) / 8;
        return offset < ScratchBytes ? $"gp{offset - ScratchBytes / 2:+0;-0}"
            : register < 32 ? $"x{register}"
            : register < 64 ? $"f{register - 32}"
            : "fcsr";
    }

    private static void Enter(StringBuilder text, int program)
    {
        text.Append(CultureInfo.InvariantCulture, $"        la x31, output + {program * BlockBytes + ScratchBytes}\n");
        for (var f = 0; f < 32; f++)
            text.Append(CultureInfo.InvariantCulture, $"        fld f{f}, {(32 + f) * 8}(x31)\n");

        text.Append("        ld x1, 512(x31)\n        fscsr x1\n");
        for (var x = 1; x < 32; x++)
            text.Append(CultureInfo.InvariantCulture, $"        ld x{x}, {x * 8}(x31)\n");

        text.Append(CultureInfo.InvariantCulture, $"        la gp, output + {program * BlockBytes + ScratchBytes / 2}\n");
    }

    private static void Leave(StringBuilder text, int program)
    {
        text.Append(CultureInfo.InvariantCulture, $"        la tp, output + {program * BlockBytes + ScratchBytes}\n");
        for (var x = 0; x < 32; x++)
            text.Append(CultureInfo.InvariantCulture, $"        sd x{x}, {x * 8}(tp)\n        fsd f{x}, {(32 + x) * 8}(tp)\n");

        text.Append("        frcsr x1\n        sd x1, 512(tp)\n");
    }

    private void Block(StringBuilder text, int program)
    {
        var random = new Random(~(firstSeed + program));
        ulong Integer() => Operands.Next(random, 'x');
        const int filled = 160;
        text.Append(CultureInfo.InvariantCulture, $"        .zero {(ScratchBytes - filled * 8) / 2}\n");
        Dwords(text, filled, () => random.Next(2) == 0 ? Integer() : Float(random));
        text.Append(CultureInfo.InvariantCulture, $"        .zero {(ScratchBytes - filled * 8) / 2}\n");
        Dwords(text, 32, Integer);
        Dwords(text, 32, () => Float(random));
        Dwords(text, 1, () => (ulong)(random.Next(32) + (random.Next(5) << 5)));
    }

    private static ulong Float(Random random)
    {
        return random.Next(8) switch
        {
            0 => Corner('d'),
            1 => NanBoxing.BoxSingle((uint)Corner('s')),
            < 5 => Operands.Next(random, 'd'),
            _ => NanBoxing.BoxSingle((uint)Operands.Next(random, 's')),
        };

        ulong Corner(char kind)
        {
            var corners = Operands.Corners(kind);
            return corners[random.Next(corners.Length)];
        }
    }

    private static void Dwords(StringBuilder text, int count, Func<ulong> next)
    {
        for (var i = 0; i < count; i++)
            text.Append(i % 8 == 0 ? "\n        .dword " : ", ").Append(CultureInfo.InvariantCulture, $"0x{next():x}");

        text.Append('\n');
    }
}
