using System.Threading;

namespace Warren.Machines.Serial;

/// <summary>Copies between a serial channel and the host's streams, as <see cref="SerialOptions"/> ask.</summary>
internal static class SerialPump
{
    private const int ChunkSize = 16 << 10;

    /// <summary>
    /// Copies the guest's output until the channel has ended and is empty. A stream that fails turns the rest into discarded output.
    /// </summary>
    public static async Task CopyOutputAsync(SerialChannel channel, Stream output)
    {
        var buffer = new byte[ChunkSize];
        try
        {
            int n;
            while ((n = await channel.ReadAsync(buffer).ConfigureAwait(false)) > 0)
            {
                await output.WriteAsync(buffer.AsMemory(0, n)).ConfigureAwait(false);
                await output.FlushAsync().ConfigureAwait(false);
            }
        }
        catch (Exception)
        {
            // Whatever a stream of the caller's throws: a closed pipe or terminal is the host's decision not to look any more, and the
            // guest must not stall over it.
            channel.DiscardOutput();
        }
    }

    /// <summary>Copies the host's input until its end, the channel's end or <paramref name="stop"/>.</summary>
    public static async Task CopyInputAsync(Stream input, SerialChannel channel, CancellationToken stop)
    {
        var buffer = new byte[ChunkSize];
        try
        {
            int n;
            while ((n = await input.ReadAsync(buffer, stop).ConfigureAwait(false)) > 0)
                await channel.WriteAsync(buffer.AsMemory(0, n), stop).ConfigureAwait(false);
        }
        catch (Exception)
        {
            // The input is gone or the machine is: either way there is nothing left to copy.
        }
    }
}
