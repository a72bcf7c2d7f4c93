namespace Warren.Lab;

/// <summary>
/// A small pseudo-random generator whose whole state is its seed: the same seed gives the same schedule on every machine (splitmix64,
/// Steele et al. 2014).
/// </summary>
internal struct Dice(ulong seed)
{
    private ulong _state = seed;

    internal ulong Next()
    {
        var z = _state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>0 to count - 1, as good as uniform for small counts.</summary>
    internal int Below(int count) => (int)(((Next() >> 32) * (ulong)(uint)count) >> 32);

    /// <summary>The number of a random one among the set bits; at least one must be set.</summary>
    internal int Bit(ulong mask)
    {
        for (var skip = Below(System.Numerics.BitOperations.PopCount(mask)); skip > 0; skip--)
            mask &= mask - 1;
        return System.Numerics.BitOperations.TrailingZeroCount(mask);
    }
}
