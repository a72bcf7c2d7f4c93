namespace Warren.RiscV.FloatingPoint;

/// <content>The fused product and sum, rounded once.</content>
internal static partial class SoftFloat<TFormat>
{
    /// <summary><c>a * b + c</c>; the negated forms flip the signs of <paramref name="a"/> and <paramref name="c"/> first.</summary>
    internal static ulong FusedMultiplyAdd(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags)
    {
        // Infinity times zero is invalid even when the addend is a quiet NaN (F extension, single-precision arithmetic).
        var invalidProduct = (IsInfinite(a) && IsZero(b)) || (IsZero(a) && IsInfinite(b));
        if (IsNaN(a) || IsNaN(b) || IsNaN(c) || invalidProduct)
        {
            if (invalidProduct || IsSignalingNaN(c))
                flags |= FloatFlags.Invalid;

            return PropagateNaN(a, b, ref flags);
        }

        var negative = IsNegative(a ^ b);
        if (IsInfinite(a) || IsInfinite(b))
            return IsInfinite(c) && IsNegative(c) != negative ? InvalidResult(ref flags) : WithSign(negative, Infinity);

        if (IsInfinite(c))
            return c;

        if (IsZero(a) || IsZero(b))
            return !IsZero(c) || IsNegative(c) == negative ? c : CancelledZero(rm);

        return IsZero(c) ? Multiply(a, b, rm, ref flags) : SumOfProduct(negative, a, b, c, rm, ref flags);
    }

    private static ulong SumOfProduct(bool negative, ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags)
    {
        Unpack(a, out var exponentA, out var significandA);
        Unpack(b, out var exponentB, out var significandB);
        Unpack(c, out var exponentC, out var significandC);

        // Both terms keep their leading bit at 126. The product has at most 106 significant bits and the addend 53, so aligning
        // loses bits only when the terms are so far apart that cancellation costs one leading bit at most.
        var high = Math.BigMul(significandA, significandB, out var low);
        var product = new UInt128(high, low);
        var exponent = exponentA + exponentB;
        if ((high >> 63) != 0)
        {
            exponent++;
            product >>= 1;
        }

        var addend = (UInt128)significandC << 63;
        if (exponent >= exponentC)
        {
            addend = ShiftRightSticky(addend, exponent - exponentC);
        }
        else
        {
            product = ShiftRightSticky(product, exponentC - exponent);
            exponent = exponentC;
        }

        UInt128 sum;
        if (IsNegative(c) == negative)
        {
            sum = product + addend;
        }
        else if (product == addend)
        {
            return CancelledZero(rm);
        }
        else if (product > addend)
        {
            sum = product - addend;
        }
        else
        {
            sum = addend - product;
            negative = !negative;
        }

        var zeros = (int)UInt128.LeadingZeroCount(sum);
        sum <<= zeros;
        return Round(negative, exponent + 1 - zeros, (ulong)(sum >> 64) | Sticky((ulong)sum), rm, ref flags);
    }
}
