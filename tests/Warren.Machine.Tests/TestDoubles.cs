using Warren.Machines.Devices;

namespace Warren.Machines.Tests;

/// <summary>An interrupt wire that remembers its level and how often it rose.</summary>
internal sealed class Wire : IInterruptLine
{
    public bool Level { get; private set; }

    public int Rises { get; private set; }

    public void Set(bool level)
    {
        if (level && !Level)
            Rises++;
        Level = level;
    }
}

/// <summary>The harts' external interrupt pins.</summary>
internal sealed class Pins : IInterruptTarget
{
    public bool[] Levels { get; } = new bool[Plic.MaxHarts];

    public int[] Wakes { get; } = new int[Plic.MaxHarts];

    public void SetExternalInterrupt(int hart, bool level) => Levels[hart] = level;

    public void WakeHarts(uint hartMask)
    {
        for (var i = 0; i < Wakes.Length; i++)
            Wakes[i] += (int)(hartMask >> i & 1);
    }
}
