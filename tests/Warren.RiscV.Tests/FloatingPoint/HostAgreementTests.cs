using Warren.RiscV.FloatingPoint;

namespace Warren.RiscV.Tests.FloatingPoint;

/// <summary>
/// The integer path against the host's processor for results, and against the fast path for flags, over many more operands
/// than the oracle can afford.
/// </summary>
public class HostAgreementTests
{
    /// <summary>Added to every seed here and in <see cref="ExactnessTests"/>.</summary>
    internal static readonly int FirstSeed = int.Parse(Environment.GetEnvironmentVariable("WARREN_FP_SEED") ?? "0", null);

    private static readonly int Rounds = int.Parse(Environment.GetEnvironmentVariable("WARREN_FP_HOST_ROUNDS") ?? "200000", null);

    [Fact]
    public void Doubles_agree_with_the_host()
    {
        var random = new Random(FirstSeed + 64);
        for (var i = 0; i < Rounds; i++)
        {
            var a = Operands.Next(random, 'd');
            var b = Operands.Next(random, 'd');
            var c = (i & 1) != 0 ? Operands.Next(random, 'd') : Bits(-(Value(a) * Value(b))) ^ (ulong)random.Next(2);
            var x = Value(a);
            var y = Value(b);
            var z = Value(c);
            Check("fadd.d", a, b, 0, Canonical(x + y), (a, b, c, rm, ref flags) => SoftFloat<Binary64>.Add(a, b, rm, ref flags));
            Check("fmul.d", a, b, 0, Canonical(x * y), (a, b, c, rm, ref flags) => SoftFloat<Binary64>.Multiply(a, b, rm, ref flags));
            Check("fdiv.d", a, b, 0, Canonical(x / y), (a, b, c, rm, ref flags) => SoftFloat<Binary64>.Divide(a, b, rm, ref flags));
            Check(
                "fsqrt.d", a, 0, 0, Canonical(Math.Sqrt(x)),
                (a, b, c, rm, ref flags) => SoftFloat<Binary64>.SquareRoot(a, rm, ref flags));
            Check(
                "fmadd.d", a, b, c, Canonical(Math.FusedMultiplyAdd(x, y, z)),
                (a, b, c, rm, ref flags) => SoftFloat<Binary64>.FusedMultiplyAdd(a, b, c, rm, ref flags));
            Check(
                "fcvt.s.d", a, 0, 0, Canonical((float)x),
                (a, b, c, rm, ref flags) => SoftFloat<Binary64>.ConvertTo<Binary32>(a, rm, ref flags));
        }
    }

    [Fact]
    public void Singles_agree_with_the_host()
    {
        var random = new Random(FirstSeed + 32);
        for (var i = 0; i < Rounds; i++)
        {
            var a = (uint)Operands.Next(random, 's');
            var b = (uint)Operands.Next(random, 's');
            var x = BitConverter.UInt32BitsToSingle(a);
            var y = BitConverter.UInt32BitsToSingle(b);
            var c = (i & 1) != 0 ? (uint)Operands.Next(random, 's') : BitConverter.SingleToUInt32Bits(-(x * y)) ^ (uint)random.Next(2);
            var z = BitConverter.UInt32BitsToSingle(c);
            Check("fadd.s", a, b, 0, Canonical(x + y), (a, b, c, rm, ref flags) => SoftFloat<Binary32>.Add(a, b, rm, ref flags));
            Check("fmul.s", a, b, 0, Canonical(x * y), (a, b, c, rm, ref flags) => SoftFloat<Binary32>.Multiply(a, b, rm, ref flags));
            Check("fdiv.s", a, b, 0, Canonical(x / y), (a, b, c, rm, ref flags) => SoftFloat<Binary32>.Divide(a, b, rm, ref flags));
            Check(
                "fsqrt.s", a, 0, 0, Canonical(MathF.Sqrt(x)),
                (a, b, c, rm, ref flags) => SoftFloat<Binary32>.SquareRoot(a, rm, ref flags));
            Check(
                "fmadd.s", a, b, c, Canonical(MathF.FusedMultiplyAdd(x, y, z)),
                (a, b, c, rm, ref flags) => SoftFloat<Binary32>.FusedMultiplyAdd(a, b, c, rm, ref flags));
            Check(
                "fcvt.d.s", a, 0, 0, Canonical((double)x),
                (a, b, c, rm, ref flags) => SoftFloat<Binary32>.ConvertTo<Binary64>(a, rm, ref flags));
        }
    }

    private static readonly Dictionary<string, FloatOperation> FastPaths =
        FloatInstruction.All.ToDictionary(i => i.Mnemonic, i => i.Tested);

    private static void Check(string mnemonic, ulong a, ulong b, ulong c, ulong host, FloatOperation integerPath)
    {
        var fast = FastPaths[mnemonic];
        uint flags = 0;
        var result = integerPath(a, b, c, RoundingMode.Rne, ref flags);
        uint fastFlags = 0;
        var fastResult = fast(a, b, c, RoundingMode.Rne, ref fastFlags);
        var accrued = FloatFlags.Inexact;
        var accruedResult = fast(a, b, c, RoundingMode.Rne, ref accrued);
        if (result != host || fastResult != host || accruedResult != host
            || fastFlags != flags || accrued != (flags | FloatFlags.Inexact))
        {
            Assert.Fail(
                $"{mnemonic} of {a:x} {b:x} {c:x}: host {host:x}, integer path {result:x} flags {flags:x2}, " +
                $"fast path {fastResult:x} flags {fastFlags:x2}, with NX accrued {accruedResult:x} flags {accrued:x2}");
        }
    }

    private static double Value(ulong bits) => BitConverter.UInt64BitsToDouble(bits);

    private static ulong Bits(double value) => BitConverter.DoubleToUInt64Bits(value);

    private static ulong Canonical(double value) => double.IsNaN(value) ? Float64.CanonicalNaN : Bits(value);

    private static ulong Canonical(float value) => float.IsNaN(value) ? Float32.CanonicalNaN : BitConverter.SingleToUInt32Bits(value);
}
