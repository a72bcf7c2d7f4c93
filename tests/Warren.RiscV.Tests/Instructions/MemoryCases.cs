using static Warren.RiscV.Tests.Instructions.InstructionCase;

namespace Warren.RiscV.Tests.Instructions;

/// <summary>Loads and stores at every alignment, within a page and across its end.</summary>
internal static class MemoryCases
{
    private static readonly (string Letter, int Bytes)[] Widths = [("b", 1), ("h", 2), ("w", 4), ("d", 8)];

    public static IEnumerable<InstructionCase> All =>
    [
        .. Widths.SelectMany(w => Loads(w.Letter, w.Bytes)),
        .. Widths.SelectMany(w => Stores(w.Letter, w.Bytes)),
        .. FloatAccesses(),

        // The base register of a load may be its destination; a store's value may be its base; x0 as destination reads all the same.
        new(Lines("la t0, scratch", "sd a1, 0(t0)", "mv a0, t0", "ld a0, 0(a0)"), 1, (a, _, _) => a),
        new(Lines("la t0, scratch", "sd t0, 0(t0)", "ld a0, 0(t0)", "sub a0, a0, t0"), 0, (_, _, _) => 0),
        new(Lines("la t0, scratch", "ld x0, 0(t0)", "mv a0, x0"), 0, (_, _, _) => 0),
        new(Lines("la t0, scratch + 2048", "sd a1, -2048(t0)", "ld a0, -2048(t0)"), 1, (a, _, _) => a),
        new(Lines("la t0, scratch", "sd a1, 2040(t0)", "ld a0, 2040(t0)"), 1, (a, _, _) => a),
    ];

    private static IEnumerable<InstructionCase> Loads(string letter, int bytes)
    {
        foreach ((var prepare, var offset) in Placements())
        {
            var place = Lines(prepare, "sd a1, 0(t0)", "sd a2, 8(t0)");
            yield return new(Lines(place, $"l{letter} a0, {offset}(t0)"), 1, (a, b, _) => Signed(Slice(a, b, offset, bytes), bytes));
            if (bytes < 8)
                yield return new(Lines(place, $"l{letter}u a0, {offset}(t0)"), 1, (a, b, _) => Slice(a, b, offset, bytes));
        }
    }

    private static IEnumerable<InstructionCase> Stores(string letter, int bytes)
    {
        foreach ((var prepare, var offset) in Placements())
        {
            var place = Lines(prepare, "sd a1, 0(t0)", "sd a2, 8(t0)", $"s{letter} a3, {offset}(t0)");
            yield return new(Lines(place, "ld a0, 0(t0)"), 1, (a, b, c) => (ulong)Stored(a, b, c, offset, bytes));
            yield return new(Lines(place, "ld a0, 8(t0)"), 1, (a, b, c) => (ulong)(Stored(a, b, c, offset, bytes) >> 64));
        }
    }

    private static IEnumerable<InstructionCase> FloatAccesses()
    {
        foreach ((var prepare, var offset) in Placements())
        {
            var place = Lines(prepare, "sd a1, 0(t0)", "sd a2, 8(t0)");
            yield return new(
                Lines(place, $"flw fa4, {offset}(t0)", "fmv.x.d a0, fa4"), 1, (a, b, _) => ~0UL << 32 | Slice(a, b, offset, 4));
            yield return new(Lines(place, $"fld fa4, {offset}(t0)", "fmv.x.d a0, fa4"), 1, (a, b, _) => Slice(a, b, offset, 8));
            yield return new(Lines(place, $"fsw fa3, {offset}(t0)", "ld a0, 0(t0)"), 1, (a, b, c) => (ulong)Stored(a, b, c, offset, 4));
            yield return new(
                Lines(place, $"fsd fa3, {offset}(t0)", "ld a0, 8(t0)"), 1, (a, b, c) => (ulong)(Stored(a, b, c, offset, 8) >> 64));
        }
    }

    /// <summary>Sixteen bytes inside a page, and sixteen that straddle two, each accessed at the offsets 0 to 8.</summary>
    private static IEnumerable<(string Prepare, int Offset)> Placements()
        => from start in (string[])["la t0, scratch + 64", "la t0, scratch + 4088", "la t0, scratch + 4091"]
           from offset in Enumerable.Range(0, 9)
           select (start, offset);

    private static ulong Slice(ulong low, ulong high, int offset, int bytes)
        => (ulong)(new UInt128(high, low) >> (8 * offset)) & (ulong.MaxValue >> (64 - 8 * bytes));

    private static ulong Signed(ulong value, int bytes) => (ulong)((long)(value << (64 - 8 * bytes)) >> (64 - 8 * bytes));

    private static UInt128 Stored(ulong low, ulong high, ulong value, int offset, int bytes)
    {
        var mask = ((UInt128.One << (8 * bytes)) - 1) << (8 * offset);
        return (new UInt128(high, low) & ~mask) | (((UInt128)value << (8 * offset)) & mask);
    }
}
