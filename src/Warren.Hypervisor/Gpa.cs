using System.Globalization;

namespace Warren.Hypervisor;

/// <summary>
/// A guest physical address (KVM's gpa): a byte's, 48 bits where there can be memory. No number becomes one, nor one a number or an address
/// of another kind, unless that is said.
/// </summary>
/// <param name="Value">The address as a number.</param>
public readonly record struct Gpa(ulong Value) : IComparable<Gpa>, IFormattable
{
    /// <summary>Bytes from the start of its page: 0 to 4095.</summary>
    public ulong PageOffset => Value & (VirtualMachine.PageSize - 1);

    /// <summary>The page it lies in.</summary>
    public Gfn Gfn => new(Value >> VirtualMachine.PageShift);

    /// <summary>The last multiple of <paramref name="alignment"/>, a power of two, that is not above the address.</summary>
    public Gpa AlignDown(ulong alignment) => new(Value & ~(alignment - 1));

    public static Gpa operator +(Gpa gpa, ulong bytes) => new(gpa.Value + bytes);

    public static Gpa operator -(Gpa gpa, ulong bytes) => new(gpa.Value - bytes);

    /// <summary>Bytes from <paramref name="right"/> to <paramref name="left"/>.</summary>
    public static ulong operator -(Gpa left, Gpa right) => left.Value - right.Value;

    public static bool operator <(Gpa left, Gpa right) => left.Value < right.Value;

    public static bool operator >(Gpa left, Gpa right) => left.Value > right.Value;

    public static bool operator <=(Gpa left, Gpa right) => left.Value <= right.Value;

    public static bool operator >=(Gpa left, Gpa right) => left.Value >= right.Value;

    public int CompareTo(Gpa other) => Value.CompareTo(other.Value);

    /// <summary>As a number is formatted.</summary>
    public string ToString(string? format, IFormatProvider? formatProvider) =>
        format is null ? ToString() : Value.ToString(format, formatProvider);

    /// <summary>In hexadecimal, with its 0x.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"0x{Value:x}");
}
