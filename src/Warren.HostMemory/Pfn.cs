using System.Globalization;

namespace Warren.HostMemory;

/// <summary>
/// A page frame number (KVM's pfn): a 4 KiB frame of a <see cref="FramePool"/>. The valid ones are 1 to <see cref="FramePool.Capacity"/>
/// - 1. No number becomes one, nor one a number or an address of another kind, unless that is said.
/// </summary>
/// <param name="Value">The number of the frame.</param>
public readonly record struct Pfn(int Value)
{
    /// <summary>No frame: number 0 is never handed out.</summary>
    public static Pfn None => default;

    public bool IsNone => Value == 0;

    /// <summary>Its place in its block, 0 to <see cref="FramePool.BlockFrames"/> - 1.</summary>
    public int IndexInBlock => Value & (FramePool.BlockFrames - 1);

    /// <summary>
    /// By number. Written out, since the JIT compares with memory at once here, and loads first in what the compiler generates.
    /// </summary>
    public bool Equals(Pfn other) => Value == other.Value;

    public override int GetHashCode() => Value;

    public static Pfn operator +(Pfn pfn, int frames) => new(pfn.Value + frames);

    public static Pfn operator ++(Pfn pfn) => new(pfn.Value + 1);

    public static Pfn operator -(Pfn pfn, int frames) => new(pfn.Value - frames);

    /// <summary>The number alone.</summary>
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}
