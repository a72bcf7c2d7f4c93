using System.Globalization;

namespace Warren.Hypervisor;

/// <summary>
/// An address as the guest's instructions use it: virtual, or physical while the guest has no translation (KVM's gva). No number becomes
/// one, nor one a number or an address of another kind, unless that is said.
/// </summary>
/// <param name="Value">The address as a number.</param>
public readonly record struct Gva(ulong Value) : IComparable<Gva>, IFormattable
{
    /// <summary>Bytes from the start of its page: 0 to 4095.</summary>
    public ulong PageOffset => Value & (VirtualMachine.PageSize - 1);

    /// <summary>The address without the 12 bits of the offset.</summary>
    public ulong PageNumber => Value >> VirtualMachine.PageShift;

    /// <summary>The first address of its page.</summary>
    public Gva PageStart => AlignDown(VirtualMachine.PageSize);

    /// <summary>The last multiple of <paramref name="alignment"/>, a power of two, that is not above the address.</summary>
    public Gva AlignDown(ulong alignment) => new(Value & ~(alignment - 1));

    public static Gva operator +(Gva gva, ulong bytes) => new(gva.Value + bytes);

    /// <summary>Bytes from <paramref name="right"/> to <paramref name="left"/>.</summary>
    public static ulong operator -(Gva left, Gva right) => left.Value - right.Value;

    public static bool operator <(Gva left, Gva right) => left.Value < right.Value;

    public static bool operator >(Gva left, Gva right) => left.Value > right.Value;

    public static bool operator <=(Gva left, Gva right) => left.Value <= right.Value;

    public static bool operator >=(Gva left, Gva right) => left.Value >= right.Value;

    public int CompareTo(Gva other) => Value.CompareTo(other.Value);

    /// <summary>As a number is formatted.</summary>
    public string ToString(string? format, IFormatProvider? formatProvider) =>
        format is null ? ToString() : Value.ToString(format, formatProvider);

    /// <summary>In hexadecimal, with its 0x.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"0x{Value:x}");
}
