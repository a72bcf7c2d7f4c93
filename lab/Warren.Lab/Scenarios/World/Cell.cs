using Warren.Locking;

namespace Warren.Lab;

/// <summary>A number by which the threads of a scenario tell each other where they are; each access is a step.</summary>
public sealed class Cell(long value = 0)
{
    private long _value = value;

    public long Value
    {
        get => Atomics.Read(ref _value, this);
        set => Atomics.Write(ref _value, value, this);
    }

    /// <summary>Returns the value after the addition.</summary>
    public long Add(long addend) => Atomics.Add(ref _value, addend, this);

    /// <summary>Stores <paramref name="value"/> if there is <paramref name="expected"/>; returns what was there.</summary>
    public long Exchange(long value, long expected) => Atomics.CompareExchange(ref _value, value, expected, this);

    /// <summary>The value, without a step: for checks at the end.</summary>
    public long Peek() => _value;
}
