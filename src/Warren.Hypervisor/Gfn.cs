using System.Globalization;

namespace Warren.Hypervisor;

/// <summary>
/// A guest frame number (KVM's gfn): a page of guest physical memory, its <see cref="Gpa"/> without the 12 bits of the offset. No number
/// becomes one, nor one a number or an address of another kind, unless that is said.
/// </summary>
/// <param name="Value">The number of the page.</param>
public readonly record struct Gfn(ulong Value) : IComparable<Gfn>, IFormattable
{
    /// <summary>The address of its first byte.</summary>
    public Gpa Gpa => new(Value << VirtualMachine.PageShift);

    /// <summary>The last multiple of <paramref name="pages"/>, a power of two, that is not above it.</summary>
    public Gfn AlignDown(ulong pages) => new(Value & ~(pages - 1));

    /// <summary>The first multiple of <paramref name="pages"/>, a power of two, that is above it.</summary>
    public Gfn NextMultiple(ulong pages) => new((Value | (pages - 1)) + 1);

    public static Gfn Min(Gfn left, Gfn right) => new(Math.Min(left.Value, right.Value));

    public static Gfn Max(Gfn left, Gfn right) => new(Math.Max(left.Value, right.Value));

    public static Gfn operator +(Gfn gfn, ulong pages) => new(gfn.Value + pages);

    public static Gfn operator ++(Gfn gfn) => new(gfn.Value + 1);

    public static Gfn operator -(Gfn gfn, ulong pages) => new(gfn.Value - pages);

    /// <summary>Pages from <paramref name="right"/> to <paramref name="left"/>.</summary>
    public static ulong operator -(Gfn left, Gfn right) => left.Value - right.Value;

    public static bool operator <(Gfn left, Gfn right) => left.Value < right.Value;

    public static bool operator >(Gfn left, Gfn right) => left.Value > right.Value;

    public static bool operator <=(Gfn left, Gfn right) => left.Value <= right.Value;

    public static bool operator >=(Gfn left, Gfn right) => left.Value >= right.Value;

    public int CompareTo(Gfn other) => Value.CompareTo(other.Value);

    /// <summary>As a number is formatted.</summary>
    public string ToString(string? format, IFormatProvider? formatProvider) =>
        format is null ? ToString() : Value.ToString(format, formatProvider);

    /// <summary>In hexadecimal, with its 0x.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"0x{Value:x}");
}
