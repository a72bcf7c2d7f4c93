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
    public async Task All_bytes_cross_both_ways_in_order(int capacity)
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
            var writer = Task.Run(async () =>
            {
                var random = new Random(1);
                for (var at = 0; at < total;)
                {
                    var piece = new byte[Math.Min(random.Next(1, 300), total - at)];
                    for (var i = 0; i < piece.Length; i++)
                        piece[i] = (byte)((at + i) * 31 >> 3);
                    await channel.WriteAsync(piece);
                    at += piece.Length;
                }
            });
            var buffer = new byte[256];
            for (var at = 0; at < total;)
            {
                var n = await channel.ReadAsync(buffer).AsTask().WaitAsync(Patience);
                for (var i = 0; i < n; i++, at++)
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
    public async Task A_reader_gets_what_is_left_and_then_the_end()
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
    public async Task Closing_wakes_whoever_waits()
    {
        using var channel = new SerialChannel(64);
        var reader = channel.ReadAsync(new byte[1]).AsTask();
        var writer = channel.WriteAsync(new byte[1000]).AsTask();
        Assert.False(reader.IsCompleted);
        Assert.False(writer.IsCompleted);
        channel.Close();
        Assert.Equal(0, await reader.WaitAsync(Patience));
        await Assert.ThrowsAsync<IOException>(() => writer.WaitAsync(Patience));
    }

    [Fact]
    public async Task A_cancelled_reader_loses_no_wake_up()
    {
        using var channel = new SerialChannel(64);
        for (var i = 0; i < 200; i++)
        {
            using var cancel = new CancellationTokenSource();
            var reader = channel.ReadAsync(new byte[1], cancel.Token).AsTask();
            var put = Task.Run(() =>
            {
                channel.Put([(byte)1]);
                channel.Flush();
            });
            await cancel.CancelAsync();
            await put;
            var got = 0;
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
    public async Task A_stream_that_fails_does_not_stall_the_guest()
    {
        using var channel = new SerialChannel(64);
        var uart = new Uart16550("uart", channel, new Wire());
        var pump = SerialPump.CopyOutputAsync(channel, new BrokenStream());
        for (var i = 0; i < 64; i++)
            uart.Write(0, 1, 'x');
        channel.Flush();
        await pump.WaitAsync(Patience);
        for (var i = 0; i < 1000; i++)
        {
            Assert.NotEqual(0u, uart.Read(5, 1) & 0x20);
            uart.Write(0, 1, 'x');
        }
    }

    [Fact]
    public void Discarded_output_never_stalls()
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
