using System.Globalization;

namespace Warren.HostMemory;

/// <summary>
/// A host virtual address of an <see cref="AddressSpace"/> (KVM's hva): a byte's, 47 bits. No number becomes one, nor one a number or an
/// address of another kind, unless that is said.
/// </summary>
/// <param name="Value">The address as a number.</param>
public readonly record struct Hva(ulong Value) : IComparable<Hva>, IFormattable
{
    /// <summary>Bytes from the start of its page: 0 to 4095.</summary>
    public ulong PageOffset => Value & (FramePool.PageSize - 1);

    /// <summary>The first address of its page.</summary>
    public Hva PageStart => AlignDown(FramePool.PageSize);

    /// <summary>The number of its page: the address without the 12 bits of the offset.</summary>
    public ulong PageNumber => Value >> FramePool.PageShift;

    /// <summary>The last multiple of <paramref name="alignment"/>, a power of two, that is not above the address.</summary>
    public Hva AlignDown(ulong alignment) => new(Value & ~(alignment - 1));

    /// <summary>The first multiple of <paramref name="alignment"/>, a power of two, that is not below the address.</summary>
    public Hva AlignUp(ulong alignment) => new((Value + alignment - 1) & ~(alignment - 1));

    public static Hva Min(Hva left, Hva right) => new(Math.Min(left.Value, right.Value));

    public static Hva Max(Hva left, Hva right) => new(Math.Max(left.Value, right.Value));

    public static Hva operator +(Hva address, ulong bytes) => new(address.Value + bytes);

    public static Hva operator -(Hva address, ulong bytes) => new(address.Value - bytes);

    /// <summary>Bytes from <paramref name="right"/> to <paramref name="left"/>.</summary>
    public static ulong operator -(Hva left, Hva right) => left.Value - right.Value;

    public static bool operator <(Hva left, Hva right) => left.Value < right.Value;

    public static bool operator >(Hva left, Hva right) => left.Value > right.Value;

    public static bool operator <=(Hva left, Hva right) => left.Value <= right.Value;

    public static bool operator >=(Hva left, Hva right) => left.Value >= right.Value;

    public int CompareTo(Hva other) => Value.CompareTo(other.Value);

    /// <summary>As a number is formatted.</summary>
    public string ToString(string? format, IFormatProvider? formatProvider) =>
        format is null ? ToString() : Value.ToString(format, formatProvider);

    /// <summary>In hexadecimal, with its 0x.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"0x{Value:x}");
}
