using System.Text;
using Warren.Machines.Devices;
using Warren.Machines.Serial;

namespace Warren.Machines.Tests;

public sealed class UartTests : IDisposable
{
    private const int Data = 0;
    private const int Ier = 1;
    private const int Iir = 2;
    private const int Fcr = 2;
    private const int Lcr = 3;
    private const int Mcr = 4;
    private const int Lsr = 5;
    private const int Msr = 6;
    private const int Scr = 7;

    private readonly Wire _wire = new();
    private readonly SerialChannel _channel = new(64);
    private readonly Uart16550 _uart;

    public UartTests() => _uart = new Uart16550("uart", _channel, _wire);

    public void Dispose() => _channel.Dispose();

    private byte R(int register) => (byte)_uart.Read((ulong)register, 1);

    private void W(int register, int value) => _uart.Write((ulong)register, 1, (ulong)value);

    private string Sent()
    {
        var buffer = new byte[4096];
        return Encoding.Latin1.GetString(buffer, 0, _channel.Read(buffer));
    }

    private void Type(string text) => Assert.Equal(text.Length, _channel.Write(Encoding.Latin1.GetBytes(text)));

    [Fact]
    public void Reset_state_is_the_datasheets()
    {
        Assert.Equal(0, R(Ier));
        Assert.Equal(0x01, R(Iir));
        Assert.Equal(0, R(Lcr));
        Assert.Equal(0, R(Mcr));
        Assert.Equal(0x60, R(Lsr));
        Assert.Equal(0xb0, R(Msr));
        Assert.False(_wire.Level);
    }

    [Fact]
    public void Divisor_latch_hides_data_and_interrupt_enable()
    {
        W(Ier, 0x05);
        W(Lcr, 0x83);
        W(0, 0x34);
        W(1, 0x12);
        Assert.Equal(0x34, R(0));
        Assert.Equal(0x12, R(1));
        W(Lcr, 0x03);
        Assert.Equal(0x05, R(Ier));
        Assert.Equal(0x03, R(Lcr));
        Assert.Equal(string.Empty, Sent());
        W(Ier, 0xff);
        Assert.Equal(0x0f, R(Ier));
        W(Scr, 0xa5);
        Assert.Equal(0xa5, R(Scr));
    }

    [Fact]
    public void What_is_written_reaches_the_host_in_order()
    {
        foreach (var c in "Hello, Warren")
            W(Data, c);
        Assert.Equal(0x60, R(Lsr));
        Assert.Equal("Hello, Warren", Sent());
    }

    [Fact]
    public void Transmitter_empty_interrupt_follows_the_rules()
    {
        W(Ier, 2);
        Assert.True(_wire.Level);
        Assert.Equal(0x02, R(Iir));
        Assert.False(_wire.Level);
        Assert.Equal(0x01, R(Iir));
        W(Data, 'x');
        Assert.True(_wire.Level);
        W(Ier, 0);
        Assert.False(_wire.Level);
        W(Ier, 2);
        Assert.True(_wire.Level);
        // Linux probes exactly this: enabling it a second time after it was read must raise it again.
        R(Iir);
        W(Ier, 0);
        W(Ier, 2);
        Assert.Equal(0x02, R(Iir));
    }

    [Fact]
    public void A_full_host_queue_holds_the_transmitter_and_nothing_is_lost()
    {
        W(Fcr, 1);
        W(Ier, 2);
        for (var i = 0; i < 64; i++)
            W(Data, 'a' + i % 26);
        Assert.Equal(0x60, R(Lsr) & 0x60);
        R(Iir);
        for (var i = 0; i < 16; i++)
        {
            W(Data, '0' + i % 10);
            Assert.Equal(0, R(Lsr) & 0x60);
            Assert.False(_wire.Level);
        }
        // The FIFO is full: a seventeenth byte is lost, as on the wire.
        W(Data, '!');
        var all = new StringBuilder(Sent());
        Assert.True(_wire.Level);
        Assert.Equal(0x60, R(Lsr) & 0x60);
        all.Append(Sent());
        Assert.Equal(80, all.Length);
        Assert.EndsWith("0123456789012345", all.ToString(), StringComparison.Ordinal);
        W(Data, 'z');
        Assert.Equal("z", Sent());
    }

    [Theory]
    [InlineData(0x01, 1)]
    [InlineData(0x41, 4)]
    [InlineData(0x81, 8)]
    [InlineData(0xc1, 14)]
    public void The_trigger_level_tells_data_from_timeout(int fifoControl, int trigger)
    {
        W(Fcr, fifoControl);
        W(Ier, 1);
        Assert.Equal(0xc1, R(Iir));
        for (var i = 1; i <= 16; i++)
        {
            Type(((char)('a' + i)).ToString());
            Assert.True(_wire.Level);
            Assert.Equal(i >= trigger ? 0xc4 : 0xcc, R(Iir));
        }
        for (var i = 1; i <= 16; i++)
        {
            Assert.Equal(0x61, R(Lsr));
            Assert.Equal('a' + i, R(Data));
        }
        Assert.Equal(0x60, R(Lsr));
        Assert.Equal(0, R(Data));
        Assert.False(_wire.Level);
    }

    [Fact]
    public void Input_beyond_the_fifo_waits_in_the_hosts_queue()
    {
        W(Fcr, 1);
        R(Lsr);
        var text = string.Concat(Enumerable.Range(0, 64).Select(i => (char)('0' + i)));
        Type(text);
        Assert.Equal(16, _channel.Write(new byte[100]));
        var got = new StringBuilder();
        while ((R(Lsr) & 1) != 0 && got.Length < text.Length)
            got.Append((char)R(Data));
        Assert.Equal(text, got.ToString());
        Assert.Equal(0, R(Lsr) & 2);
    }

    [Fact]
    public void Without_fifos_one_byte_is_held()
    {
        Type("ab");
        W(Ier, 1);
        Assert.Equal(0x04, R(Iir));
        Assert.Equal((byte)'a', R(Data));
        Assert.Equal((byte)'b', R(Data));
        Assert.Equal(0x60, R(Lsr));
    }

    [Fact]
    public void Clearing_the_receiver_drops_only_what_is_in_it()
    {
        W(Fcr, 1);
        W(Ier, 1);
        Type("0123456789abcdefXY");
        W(Fcr, 3);
        Assert.Equal((byte)'X', R(Data));
        Assert.Equal((byte)'Y', R(Data));
        Assert.Equal(0x60, R(Lsr));
    }

    [Fact]
    public void No_input_is_lost_before_linux_opens_the_port()
    {
        Type("echo typed before the console was set up\n");
        // The console has been set up (DTR), but nothing has opened the terminal yet (RTS).
        W(Mcr, 0x01);
        Type("ls -l\n");
        Assert.Equal(0x60, R(Lsr));
        W(Fcr, 0x01);
        W(Fcr, 0x07);
        W(Fcr, 0x00);
        Assert.Equal(0, R(Data));
        W(Fcr, 0x81);
        W(Ier, 0x05);
        W(Mcr, 0x0b);
        Assert.True(_wire.Level);
        var got = new StringBuilder();
        while ((R(Lsr) & 1) != 0)
            got.Append((char)R(Data));
        Assert.Equal("echo typed before the console was set up\nls -l\n", got.ToString());
    }

    [Fact]
    public void Lowering_request_to_send_stops_the_flow()
    {
        W(Fcr, 1);
        W(Mcr, 3);
        Type(new string('x', 40));
        W(Mcr, 1);
        var got = 0;
        for (; (R(Lsr) & 1) != 0; got++)
            R(Data);
        Assert.Equal(16, got);
        W(Mcr, 3);
        for (; (R(Lsr) & 1) != 0; got++)
            R(Data);
        Assert.Equal(40, got);
    }

    [Fact]
    public void Loopback_connects_data_and_modem_lines()
    {
        W(Fcr, 1);
        R(Msr);
        W(Mcr, 0x10);
        Assert.Equal(0x0b, R(Msr)); // CTS, DSR and DCD all fell
        W(Mcr, 0x1a);
        Assert.Equal(0x99, R(Msr)); // RTS -> CTS, OUT2 -> DCD
        W(Mcr, 0x14);
        Assert.Equal(0x40, R(Msr) & 0xf0);
        W(Mcr, 0x10);
        Assert.Equal(0x04, R(Msr)); // the trailing edge of RI
        foreach (var c in "0123456789abcdef")
            W(Data, c);
        Assert.Equal(0x61, R(Lsr));
        W(Data, 'X');
        Assert.Equal(0x63, R(Lsr));
        Assert.Equal(0x61, R(Lsr));
        foreach (var c in "0123456789abcdef")
            Assert.Equal((byte)c, R(Data));
        Assert.Equal(string.Empty, Sent());
        W(Mcr, 0);
        Assert.Equal(0xb0, R(Msr) & 0xf0);
    }

    [Fact]
    public void Interrupts_have_their_priorities()
    {
        W(Fcr, 1);
        W(Mcr, 0x10);
        W(Ier, 0x0f);
        for (var i = 0; i < 17; i++)
            W(Data, i);
        Assert.Equal(0xc6, R(Iir)); // overrun
        R(Lsr);
        Assert.Equal(0xc4, R(Iir));
        for (var i = 0; i < 16; i++)
            R(Data);
        Assert.Equal(0xc2, R(Iir));
        Assert.Equal(0xc0, R(Iir)); // modem lines changed by loopback
        R(Msr);
        Assert.Equal(0xc1, R(Iir));
        Assert.False(_wire.Level);
    }

    [Fact]
    public void The_debug_console_shares_the_line()
    {
        W(Data, 'a');
        Assert.Equal(3, _uart.DebugWrite("bcd"u8));
        Assert.Equal("abcd", Sent());
        Type("xyz");
        var buffer = new byte[8];
        Assert.Equal(3, _uart.DebugRead(buffer));
        Assert.Equal("xyz"u8.ToArray(), buffer[..3]);
        Assert.Equal(64, _uart.DebugWrite(new byte[100]));
    }

    [Fact]
    public void Random_accesses_neither_throw_nor_break_the_line()
    {
        var random = new Random(20261121);
        ulong[] offsets = [0, 1, 2, 3, 4, 5, 6, 7, 8, 0x10, 0xff, 0x100, ulong.MaxValue];
        int[] sizes = [1, 2, 4, 8];
        var buffer = new byte[64];
        for (var i = 0; i < 300_000; i++)
        {
            var offset = random.Next(10) == 0 ? offsets[random.Next(offsets.Length)] : (ulong)random.Next(8);
            switch (random.Next(8))
            {
                case 0:
                    _channel.Read(buffer.AsSpan(0, random.Next(64)));
                    break;
                case 1:
                    random.NextBytes(buffer);
                    _channel.Write(buffer.AsSpan(0, random.Next(64)));
                    break;
                case 2 or 3 or 4:
                    _uart.Read(offset, sizes[random.Next(4)]);
                    break;
                default:
                    _uart.Write(offset, sizes[random.Next(4)], (ulong)random.NextInt64());
                    break;
            }
            // The line says what the identification register would: peeked at through a quiet register set.
            if (i % 1000 == 0)
            {
                W(Lcr, 3);
                W(Ier, 0);
                Assert.False(_wire.Level);
                W(Ier, 0x0f);
                var pending = (R(Iir) & 1) == 0;
                Assert.True(pending || !_wire.Level);
            }
        }
        // Whatever came before, a guest that sets the port up again can use it.
        W(Lcr, 3);
        W(Mcr, 3);
        W(Fcr, 7);
        Sent();
        while (_channel.Read(buffer) > 0)
        {
        }
        W(Data, 'k');
        Assert.EndsWith("k", Sent(), StringComparison.Ordinal);
    }
}
