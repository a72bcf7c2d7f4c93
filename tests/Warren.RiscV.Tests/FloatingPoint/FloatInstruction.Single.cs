using Warren.RiscV.FloatingPoint;

namespace Warren.RiscV.Tests.FloatingPoint;

/// <content>The F extension.</content>
internal sealed partial record FloatInstruction
{
    private static FloatInstruction[] SinglePrecision()
    {
        var f = ExactFormat.Single;
        return
        [
            new(
                "fadd.s", "s=ss", true,
                (a, b, c, rm, ref flags) => Float32.Add((uint)a, (uint)b, rm, ref flags),
                (a, b, c, rm, ref flags) => Exactly.Add(f, a, b, rm, ref flags)),
            new(
                "fsub.s", "s=ss", true,
                (a, b, c, rm, ref flags) => Float32.Subtract((uint)a, (uint)b, rm, ref flags),
                (a, b, c, rm, ref flags) => Exactly.Add(f, a, b ^ f.SignBit, rm, ref flags)),
            new(
                "fmul.s", "s=ss", true,
                (a, b, c, rm, ref flags) => Float32.Multiply((uint)a, (uint)b, rm, ref flags),
                (a, b, c, rm, ref flags) => Exactly.Multiply(f, a, b, rm, ref flags)),
            new(
                "fdiv.s", "s=ss", true,
                (a, b, c, rm, ref flags) => Float32.Divide((uint)a, (uint)b, rm, ref flags),
                (a, b, c, rm, ref flags) => Exactly.Divide(f, a, b, rm, ref flags)),
            new(
                "fsqrt.s", "s=s", true,
                (a, b, c, rm, ref flags) => Float32.SquareRoot((uint)a, rm, ref flags),
                (a, b, c, rm, ref flags) => Exactly.SquareRoot(f, a, rm, ref flags)),
            new(
                "fmadd.s", "s=sss", true,
                (a, b, c, rm, ref flags) => Float32.MultiplyAdd((uint)a, (uint)b, (uint)c, rm, ref flags),
                (a, b, c, rm, ref flags) => Exactly.MultiplyAdd(f, a, b, c, rm, ref flags)),
            new(
                "fmsub.s", "s=sss", true,
                (a, b, c, rm, ref flags) => Float32.MultiplySubtract((uint)a, (uint)b, (uint)c, rm, ref flags),
                (a, b, c, rm, ref flags) => Exactly.MultiplyAdd(f, a, b, c ^ f.SignBit, rm, ref flags)),
            new(
                "fnmsub.s", "s=sss", true,
                (a, b, c, rm, ref flags) => Float32.NegatedMultiplySubtract((uint)a, (uint)b, (uint)c, rm, ref flags),
                (a, b, c, rm, ref flags) => Exactly.MultiplyAdd(f, a ^ f.SignBit, b, c, rm, ref flags)),
            new(
                "fnmadd.s", "s=sss", true,
                (a, b, c, rm, ref flags) => Float32.NegatedMultiplyAdd((uint)a, (uint)b, (uint)c, rm, ref flags),
                (a, b, c, rm, ref flags) => Exactly.MultiplyAdd(f, a ^ f.SignBit, b, c ^ f.SignBit, rm, ref flags)),
            new(
                "fmin.s", "s=ss", false,
                (a, b, c, rm, ref flags) => Float32.Minimum((uint)a, (uint)b, ref flags),
                (a, b, c, rm, ref flags) => Exactly.Extreme(f, a, b, least: true, ref flags)),
            new(
                "fmax.s", "s=ss", false,
                (a, b, c, rm, ref flags) => Float32.Maximum((uint)a, (uint)b, ref flags),
                (a, b, c, rm, ref flags) => Exactly.Extreme(f, a, b, least: false, ref flags)),
            new(
                "feq.s", "x=ss", false,
                (a, b, c, rm, ref flags) => Float32.IsEqual((uint)a, (uint)b, ref flags) ? 1UL : 0,
                (a, b, c, rm, ref flags) => Exactly.IsEqual(f, a, b, ref flags)),
            new(
                "flt.s", "x=ss", false,
                (a, b, c, rm, ref flags) => Float32.IsLess((uint)a, (uint)b, ref flags) ? 1UL : 0,
                (a, b, c, rm, ref flags) => Exactly.IsLess(f, a, b, orEqual: false, ref flags)),
            new(
                "fle.s", "x=ss", false,
                (a, b, c, rm, ref flags) => Float32.IsLessOrEqual((uint)a, (uint)b, ref flags) ? 1UL : 0,
                (a, b, c, rm, ref flags) => Exactly.IsLess(f, a, b, orEqual: true, ref flags)),
            new(
                "fclass.s", "x=s", false,
                (a, b, c, rm, ref flags) => Float32.Classify((uint)a),
                (a, b, c, rm, ref flags) => Exactly.Classify(f, a)),
            new(
                "fsgnj.s", "s=ss", false,
                (a, b, c, rm, ref flags) => Float32.InjectSign((uint)a, (uint)b),
                (a, b, c, rm, ref flags) => f.Magnitude(a) | (b & f.SignBit)),
            new(
                "fsgnjn.s", "s=ss", false,
                (a, b, c, rm, ref flags) => Float32.InjectNegatedSign((uint)a, (uint)b),
                (a, b, c, rm, ref flags) => f.Magnitude(a) | (~b & f.SignBit)),
            new(
                "fsgnjx.s", "s=ss", false,
                (a, b, c, rm, ref flags) => Float32.InjectXoredSign((uint)a, (uint)b),
                (a, b, c, rm, ref flags) => f.Magnitude(a) | ((a ^ b) & f.SignBit)),
            new(
                "fcvt.w.s", "x=s", true,
                (a, b, c, rm, ref flags) => (ulong)Float32.ToInt32((uint)a, rm, ref flags),
                (a, b, c, rm, ref flags) => Exactly.ToInteger(f, a, 32, signed: true, rm, ref flags)),
            new(
                "fcvt.s.w", "s=x", true,
                (a, b, c, rm, ref flags) => Float32.FromInt32((int)a, rm, ref flags),
                (a, b, c, rm, ref flags) => Exactly.FromInteger(f, a, 32, signed: true, rm, ref flags)),
            new(
                "fcvt.wu.s", "x=s", true,
                (a, b, c, rm, ref flags) => (ulong)(int)Float32.ToUInt32((uint)a, rm, ref flags),
                (a, b, c, rm, ref flags) => Exactly.ToInteger(f, a, 32, signed: false, rm, ref flags)),
            new(
                "fcvt.s.wu", "s=x", true,
                (a, b, c, rm, ref flags) => Float32.FromUInt32((uint)a, rm, ref flags),
                (a, b, c, rm, ref flags) => Exactly.FromInteger(f, a, 32, signed: false, rm, ref flags)),
            new(
                "fcvt.l.s", "x=s", true,
                (a, b, c, rm, ref flags) => (ulong)Float32.ToInt64((uint)a, rm, ref flags),
                (a, b, c, rm, ref flags) => Exactly.ToInteger(f, a, 64, signed: true, rm, ref flags)),
            new(
                "fcvt.s.l", "s=x", true,
                (a, b, c, rm, ref flags) => Float32.FromInt64((long)a, rm, ref flags),
                (a, b, c, rm, ref flags) => Exactly.FromInteger(f, a, 64, signed: true, rm, ref flags)),
            new(
                "fcvt.lu.s", "x=s", true,
                (a, b, c, rm, ref flags) => Float32.ToUInt64((uint)a, rm, ref flags),
                (a, b, c, rm, ref flags) => Exactly.ToInteger(f, a, 64, signed: false, rm, ref flags)),
            new(
                "fcvt.s.lu", "s=x", true,
                (a, b, c, rm, ref flags) => Float32.FromUInt64(a, rm, ref flags),
                (a, b, c, rm, ref flags) => Exactly.FromInteger(f, a, 64, signed: false, rm, ref flags)),
            new(
                "fcvt.s.d", "s=d", true,
                (a, b, c, rm, ref flags) => Float32.FromFloat64(a, rm, ref flags),
                (a, b, c, rm, ref flags) => Exactly.Convert(ExactFormat.Double, ExactFormat.Single, a, rm, ref flags)),
        ];
    }
}
