using Warren.RiscV.FloatingPoint;

namespace Warren.RiscV.Tests.FloatingPoint;

/// <content>The D extension.</content>
internal sealed partial record FloatInstruction
{
    private static FloatInstruction[] DoublePrecision()
    {
        var f = ExactFormat.Double;
        return
        [
            new(
                "fadd.d", "d=dd", true,
                (a, b, c, rm, ref flags) => Float64.Add(a, b, rm, ref flags),
                (a, b, c, rm, ref flags) => Exactly.Add(f, a, b, rm, ref flags)),
            new(
                "fsub.d", "d=dd", true,
                (a, b, c, rm, ref flags) => Float64.Subtract(a, b, rm, ref flags),
                (a, b, c, rm, ref flags) => Exactly.Add(f, a, b ^ f.SignBit, rm, ref flags)),
            new(
                "fmul.d", "d=dd", true,
                (a, b, c, rm, ref flags) => Float64.Multiply(a, b, rm, ref flags),
                (a, b, c, rm, ref flags) => Exactly.Multiply(f, a, b, rm, ref flags)),
            new(
                "fdiv.d", "d=dd", true,
                (a, b, c, rm, ref flags) => Float64.Divide(a, b, rm, ref flags),
                (a, b, c, rm, ref flags) => Exactly.Divide(f, a, b, rm, ref flags)),
            new(
                "fsqrt.d", "d=d", true,
                (a, b, c, rm, ref flags) => Float64.SquareRoot(a, rm, ref flags),
                (a, b, c, rm, ref flags) => Exactly.SquareRoot(f, a, rm, ref flags)),
            new(
                "fmadd.d", "d=ddd", true,
                (a, b, c, rm, ref flags) => Float64.MultiplyAdd(a, b, c, rm, ref flags),
                (a, b, c, rm, ref flags) => Exactly.MultiplyAdd(f, a, b, c, rm, ref flags)),
            new(
                "fmsub.d", "d=ddd", true,
                (a, b, c, rm, ref flags) => Float64.MultiplySubtract(a, b, c, rm, ref flags),
                (a, b, c, rm, ref flags) => Exactly.MultiplyAdd(f, a, b, c ^ f.SignBit, rm, ref flags)),
            new(
                "fnmsub.d", "d=ddd", true,
                (a, b, c, rm, ref flags) => Float64.NegatedMultiplySubtract(a, b, c, rm, ref flags),
                (a, b, c, rm, ref flags) => Exactly.MultiplyAdd(f, a ^ f.SignBit, b, c, rm, ref flags)),
            new(
                "fnmadd.d", "d=ddd", true,
                (a, b, c, rm, ref flags) => Float64.NegatedMultiplyAdd(a, b, c, rm, ref flags),
                (a, b, c, rm, ref flags) => Exactly.MultiplyAdd(f, a ^ f.SignBit, b, c ^ f.SignBit, rm, ref flags)),
            new(
                "fmin.d", "d=dd", false,
                (a, b, c, rm, ref flags) => Float64.Minimum(a, b, ref flags),
                (a, b, c, rm, ref flags) => Exactly.Extreme(f, a, b, least: true, ref flags)),
            new(
                "fmax.d", "d=dd", false,
                (a, b, c, rm, ref flags) => Float64.Maximum(a, b, ref flags),
                (a, b, c, rm, ref flags) => Exactly.Extreme(f, a, b, least: false, ref flags)),
            new(
                "feq.d", "x=dd", false,
                (a, b, c, rm, ref flags) => Float64.IsEqual(a, b, ref flags) ? 1UL : 0,
                (a, b, c, rm, ref flags) => Exactly.IsEqual(f, a, b, ref flags)),
            new(
                "flt.d", "x=dd", false,
                (a, b, c, rm, ref flags) => Float64.IsLess(a, b, ref flags) ? 1UL : 0,
                (a, b, c, rm, ref flags) => Exactly.IsLess(f, a, b, orEqual: false, ref flags)),
            new(
                "fle.d", "x=dd", false,
                (a, b, c, rm, ref flags) => Float64.IsLessOrEqual(a, b, ref flags) ? 1UL : 0,
                (a, b, c, rm, ref flags) => Exactly.IsLess(f, a, b, orEqual: true, ref flags)),
            new(
                "fclass.d", "x=d", false,
                (a, b, c, rm, ref flags) => Float64.Classify(a),
                (a, b, c, rm, ref flags) => Exactly.Classify(f, a)),
            new(
                "fsgnj.d", "d=dd", false,
                (a, b, c, rm, ref flags) => Float64.InjectSign(a, b),
                (a, b, c, rm, ref flags) => f.Magnitude(a) | (b & f.SignBit)),
            new(
                "fsgnjn.d", "d=dd", false,
                (a, b, c, rm, ref flags) => Float64.InjectNegatedSign(a, b),
                (a, b, c, rm, ref flags) => f.Magnitude(a) | (~b & f.SignBit)),
            new(
                "fsgnjx.d", "d=dd", false,
                (a, b, c, rm, ref flags) => Float64.InjectXoredSign(a, b),
                (a, b, c, rm, ref flags) => f.Magnitude(a) | ((a ^ b) & f.SignBit)),
            new(
                "fcvt.w.d", "x=d", true,
                (a, b, c, rm, ref flags) => (ulong)Float64.ToInt32(a, rm, ref flags),
                (a, b, c, rm, ref flags) => Exactly.ToInteger(f, a, 32, signed: true, rm, ref flags)),
            new(
                "fcvt.d.w", "d=x", false,
                (a, b, c, rm, ref flags) => Float64.FromInt32((int)a),
                (a, b, c, rm, ref flags) => Exactly.FromInteger(f, a, 32, signed: true, rm, ref flags)),
            new(
                "fcvt.wu.d", "x=d", true,
                (a, b, c, rm, ref flags) => (ulong)(int)Float64.ToUInt32(a, rm, ref flags),
                (a, b, c, rm, ref flags) => Exactly.ToInteger(f, a, 32, signed: false, rm, ref flags)),
            new(
                "fcvt.d.wu", "d=x", false,
                (a, b, c, rm, ref flags) => Float64.FromUInt32((uint)a),
                (a, b, c, rm, ref flags) => Exactly.FromInteger(f, a, 32, signed: false, rm, ref flags)),
            new(
                "fcvt.l.d", "x=d", true,
                (a, b, c, rm, ref flags) => (ulong)Float64.ToInt64(a, rm, ref flags),
                (a, b, c, rm, ref flags) => Exactly.ToInteger(f, a, 64, signed: true, rm, ref flags)),
            new(
                "fcvt.d.l", "d=x", true,
                (a, b, c, rm, ref flags) => Float64.FromInt64((long)a, rm, ref flags),
                (a, b, c, rm, ref flags) => Exactly.FromInteger(f, a, 64, signed: true, rm, ref flags)),
            new(
                "fcvt.lu.d", "x=d", true,
                (a, b, c, rm, ref flags) => Float64.ToUInt64(a, rm, ref flags),
                (a, b, c, rm, ref flags) => Exactly.ToInteger(f, a, 64, signed: false, rm, ref flags)),
            new(
                "fcvt.d.lu", "d=x", true,
                (a, b, c, rm, ref flags) => Float64.FromUInt64(a, rm, ref flags),
                (a, b, c, rm, ref flags) => Exactly.FromInteger(f, a, 64, signed: false, rm, ref flags)),
            new(
                "fcvt.d.s", "d=s", false,
                (a, b, c, rm, ref flags) => Float64.FromFloat32((uint)a, ref flags),
                (a, b, c, rm, ref flags) => Exactly.Convert(ExactFormat.Single, ExactFormat.Double, a, rm, ref flags)),
        ];
    }
}
