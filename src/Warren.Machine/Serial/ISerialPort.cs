using System.Threading;

namespace Warren.Machines.Serial;

/// <summary>
/// The host's end of a guest's serial line: bytes, in order, bounded both ways. What is not read stalls only the guest's transmitter
/// (never a vCPU); what is written waits until the guest takes it.
/// </summary>
public interface ISerialPort
{
    /// <summary>Takes what the guest has sent, without waiting; 0 when there is nothing now.</summary>
    int Read(Span<byte> buffer);

    /// <summary>Waits for bytes from the guest; 0 once the machine has ended and everything was read.</summary>
    ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default);

    /// <summary>Queues bytes for the guest, without waiting; returns how many fitted.</summary>
    int Write(ReadOnlySpan<byte> bytes);

    /// <summary>Queues all bytes for the guest, waiting for room. Throws <see cref="IOException"/> when the machine has ended.</summary>
    ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken = default);

    /// <summary>Bytes the guest has sent, discarded ones included.</summary>
    long BytesFromGuest { get; }

    /// <summary>Bytes the guest has taken.</summary>
    long BytesToGuest { get; }
}
