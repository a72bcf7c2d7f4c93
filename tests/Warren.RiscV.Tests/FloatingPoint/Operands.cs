namespace Warren.RiscV.Tests.FloatingPoint;

/// <summary>Operands where rounding, tininess, overflow and saturation change their minds: tables, and seeded random ones.</summary>
internal static class Operands
{
    private static readonly ulong[] SingleCorners = Table(ExactFormat.Single, 127);
    private static readonly ulong[] DoubleCorners = Table(ExactFormat.Double, 1023);
    private static readonly ulong[] IntegerCorners = Table();

    /// <summary>Corner values of a register kind (s, d or x), both signs.</summary>
    public static ulong[] Corners(char kind) => kind switch
    {
        's' => SingleCorners,
        'd' => DoubleCorners,
        _ => IntegerCorners,
    };

    /// <summary>A value of a register kind: wholly random, near a corner, or of few bits so that exact results and ties occur.</summary>
    public static ulong Next(Random random, char kind) => kind switch
    {
        's' => Next(random, ExactFormat.Single, 127, 32),
        'd' => Next(random, ExactFormat.Double, 1023, 64),
        _ => (ulong)random.NextInt64(long.MinValue, long.MaxValue) >> random.Next(64) << random.Next(4),
    };

    private static ulong[] Table(ExactFormat f, int bias)
    {
        var fraction = f.FractionBits;
        var one = (ulong)bias << fraction;
        var quiet = f.CanonicalNaN;
        ulong[] magnitudes =
        [
            0, 1, 2, 3, (1UL << fraction) - 1, 1UL << fraction, (1UL << fraction) + 1, 3UL << (fraction - 1),
            one - 1, one, one + 1, one + 2, one | (1UL << (fraction - 1)), one | 1UL << (fraction / 2),
            Power(-1), Power(-1) + 1, Power(-1) - 1, Power(1), Power(1) - 1, Power(1) | (1UL << (fraction - 2)),
            Power(-fraction - 1), Power(-fraction - 1) + 1, Power(-fraction), Power(-fraction - 2), Power(fraction),
            Power(fraction + 1) - 1, Power(fraction - 1) + 1,
            Power(31) - 1, Power(31), Power(31) + 1, Power(32) - 1, Power(32), Power(63) - 1, Power(63), Power(64) - 1, Power(64),
            Power(1 - bias) - 1, Power((1 - bias) / 2), Power((1 - bias) / 2 - 1) + 1, Power(bias / 2), Power(bias / 2 + 1) - 1,
            f.Largest, f.Largest - 1, Power(bias), f.Infinity, quiet, quiet | 0x55, f.Infinity + 1, quiet - 1,
        ];
        return [.. magnitudes, .. magnitudes.Select(m => m | f.SignBit)];

        ulong Power(int exponent) => (ulong)(exponent + bias) << fraction;
    }

    private static ulong[] Table()
    {
        var values = new List<ulong> { 0 };
        foreach (var bit in (int[])[0, 1, 7, 23, 24, 25, 30, 31, 32, 33, 51, 52, 53, 54, 62, 63])
        {
            var power = 1UL << bit;
            values.AddRange([power - 1, power, power + 1, ~power, 0 - power]);
            values.AddRange([power | (power >> 24), power | (power >> 25), power | (power >> 53)]);
        }

        values.Add(0x8000_0080_0000_0001);
        values.Add(0x8000_0000_0000_0400);
        values.Add(0xffff_ffff_ffff_fc00);
        return [.. values.Distinct()];
    }

    private static ulong Next(Random random, ExactFormat f, int bias, int width)
    {
        var bits = (ulong)random.NextInt64(long.MinValue, long.MaxValue) >> (64 - width);
        var fractionMask = (1UL << f.FractionBits) - 1;
        var fraction = random.Next(4) switch
        {
            0 => bits & fractionMask,
            1 => bits & fractionMask & ~(fractionMask >> random.Next(1, f.FractionBits)),
            2 => fractionMask ^ (1UL << random.Next(f.FractionBits)),
            _ => 1UL << random.Next(f.FractionBits),
        };
        var exponent = random.Next(8) switch
        {
            0 => (int)((bits & ~f.SignBit) >> f.FractionBits),
            1 => random.Next(0, 3),
            2 => 2 * bias - random.Next(0, 3),
            3 => bias / 2 + random.Next(-f.FractionBits, f.FractionBits),
            4 => bias + bias / 2 + random.Next(-3, 4),
            5 => bias + random.Next(-f.FractionBits - 4, f.FractionBits + 12),
            _ => bias + random.Next(-4, 5),
        };
        var magnitude = ((ulong)Math.Clamp(exponent, 0, 2 * bias) << f.FractionBits) | fraction;
        return (bits & f.SignBit) | magnitude;
    }
}
