using System.Threading;
using Warren.Machines.Devices;
using Warren.Machines.Serial;

namespace Warren.Machines.Tests;

public sealed class SerialChannelTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>
    /// A guest that echoes what it receives, through the registers, while the host writes and reads with awaits: every byte comes
    /// back once and in order, whatever the interleaving and however small the queues.
    /// </summary>
    [Theory]
    [InlineData(64)]
    [InlineData(1024)]
    public async Task AllBytesCrossBothWaysInOrder(int capacity)
    {
        const int total = 60_000;
        using var channel = new SerialChannel(capacity);
        var uart = new Uart16550("uart", channel, new Wire());
        uart.Write(2, 1, 1);
        using var stop = new CancellationTokenSource();
        var guest = new Thread(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                if ((uart.Read(5, 1) & 0x21) == 0x21)
                    uart.Write(0, 1, uart.Read(0, 1));
                else
                    channel.Flush();
            }
        });
        guest.Start();
        try
        {
            Task writer = Task.Run(async () =>
            {
                var random = new Random(1);
                for (int at = 0; at < total;)
                {
                    var piece = new byte[Math.Min(random.Next(1, 300), total - at)];
                    for (int i = 0; i < piece.Length; i++)
                        piece[i] = (byte)((at + i) * 31 >> 3);
                    await channel.WriteAsync(piece);
                    at += piece.Length;
                }
            });
            var buffer = new byte[256];
            for (int at = 0; at < total;)
            {
                int n = await channel.ReadAsync(buffer).AsTask().WaitAsync(Patience);
                for (int i = 0; i < n; i++, at++)
                    Assert.Equal((byte)(at * 31 >> 3), buffer[i]);
            }
            await writer.WaitAsync(Patience);
            Assert.Equal(total, channel.BytesFromGuest);
            Assert.Equal(total, channel.BytesToGuest);
        }
        finally
        {
            await stop.CancelAsync();
            guest.Join();
        }
    }

    [Fact]
    public async Task AReaderGetsWhatIsLeftAndThenTheEnd()
    {
        using var channel = new SerialChannel(64);
        channel.Put("left over"u8);
        channel.Close();
        var buffer = new byte[64];
        Assert.Equal(9, await channel.ReadAsync(buffer));
        Assert.Equal(0, await channel.ReadAsync(buffer));
        await Assert.ThrowsAsync<IOException>(async () => await channel.WriteAsync(new byte[1]));
        Assert.Equal(0, channel.Write(new byte[1]));
    }

    [Fact]
    public async Task ClosingWakesWhoeverWaits()
    {
        using var channel = new SerialChannel(64);
        Task<int> reader = channel.ReadAsync(new byte[1]).AsTask();
        Task writer = channel.WriteAsync(new byte[1000]).AsTask();
        Assert.False(reader.IsCompleted);
        Assert.False(writer.IsCompleted);
        channel.Close();
        Assert.Equal(0, await reader.WaitAsync(Patience));
        await Assert.ThrowsAsync<IOException>(() => writer.WaitAsync(Patience));
    }

    [Fact]
    public async Task ACancelledReaderLosesNoWakeUp()
    {
        using var channel = new SerialChannel(64);
        for (int i = 0; i < 200; i++)
        {
            using var cancel = new CancellationTokenSource();
            Task<int> reader = channel.ReadAsync(new byte[1], cancel.Token).AsTask();
            Task put = Task.Run(() =>
            {
                channel.Put([(byte)1]);
                channel.Flush();
            });
            await cancel.CancelAsync();
            await put;
            int got = 0;
            try
            {
                got = await reader.WaitAsync(Patience);
            }
            catch (OperationCanceledException)
            {
            }
            if (got == 0)
                Assert.Equal(1, await channel.ReadAsync(new byte[1]).AsTask().WaitAsync(Patience));
        }
    }

    [Fact]
    public async Task AStreamThatFailsDoesNotStallTheGuest()
    {
        using var channel = new SerialChannel(64);
        var uart = new Uart16550("uart", channel, new Wire());
        Task pump = SerialPump.CopyOutputAsync(channel, new BrokenStream());
        for (int i = 0; i < 64; i++)
            uart.Write(0, 1, 'x');
        channel.Flush();
        await pump.WaitAsync(Patience);
        for (int i = 0; i < 1000; i++)
        {
            Assert.NotEqual(0u, uart.Read(5, 1) & 0x20);
            uart.Write(0, 1, 'x');
        }
    }

    [Fact]
    public void DiscardedOutputNeverStalls()
    {
        using var channel = new SerialChannel(64, discardOutput: true);
        Assert.Equal(1000, channel.Put(new byte[1000]));
        Assert.Equal(1000, channel.BytesFromGuest);
        Assert.Equal(0, channel.Read(new byte[10]));
    }

    private sealed class BrokenStream : MemoryStream
    {
        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
            => throw new IOException("Broken pipe");
    }
}
