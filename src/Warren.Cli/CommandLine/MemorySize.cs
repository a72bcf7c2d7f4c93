using Warren.Machines;

namespace Warren.Cli.CommandLine;

/// <summary>How much memory a guest has, written as the user writes it.</summary>
internal readonly record struct MemorySize(long Bytes)
{
    public static MemorySize Default { get; } = new(512L << 20);

    public static string Limits =>
        $"from {new MemorySize(MachineOptions.MinMemoryBytes)} to {new MemorySize(MachineOptions.MaxMemoryBytes)}";

    /// <summary>Follows "--memory takes".</summary>
    public static string Words => $"a whole number of MiB or GiB {Limits}, like 512M or 2G";

    /// <summary>False also for what no machine can have.</summary>
    public static bool TryParse(string text, out MemorySize size)
    {
        var read = OptionParsers.TrySize(text, out var bytes);
        size = new MemorySize(bytes);
        return read && bytes is >= MachineOptions.MinMemoryBytes and <= MachineOptions.MaxMemoryBytes
            && bytes % MachineOptions.MinMemoryBytes == 0;
    }

    public override string ToString() => OptionParsers.Size(Bytes);
}
