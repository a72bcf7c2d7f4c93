namespace Warren.Machines.Serial;

/// <summary>The host's use of one UART.</summary>
public sealed record SerialOptions
{
    /// <summary>The least and the most that <see cref="Capacity"/> may be, in bytes.</summary>
    public const int MinCapacity = 64, MaxCapacity = 16 << 20;

    /// <summary>Nobody reads: what the guest sends is dropped, and nothing reaches it but what is written to the port.</summary>
    public static SerialOptions Discard { get; } = new() { DiscardOutput = true };

    /// <summary>
    /// Where the guest's output is copied to as it comes, coalesced into few writes; null when the caller reads the port itself. The
    /// stream stays the caller's; when writing to it fails, the rest of the output is dropped.
    /// </summary>
    public Stream? Output { get; init; }

    /// <summary>
    /// The bytes copied to the guest, as fast as it takes them, until the stream's end; null when the caller writes the port itself.
    /// </summary>
    public Stream? Input { get; init; }

    /// <summary>Drop the guest's output at once; excludes <see cref="Output"/>.</summary>
    public bool DiscardOutput { get; init; }

    /// <summary>Bytes buffered in each direction, 64 to 16 Mi.</summary>
    public int Capacity { get; init; } = 64 << 10;
}
