using Warren.Machines.Devices;

namespace Warren.Machines.Tests;

public sealed class PlicTests
{
    private readonly Pins _pins = new();

    private static ulong Enable(int context, int source) => 0x2000 + 0x80 * (ulong)context + (ulong)source / 32 * 4;

    private static ulong Threshold(int context) => 0x20_0000 + 0x1000 * (ulong)context;

    private static ulong Claim(int context) => Threshold(context) + 4;

    private static void Allow(Plic plic, int context, int source, uint priority)
    {
        plic.Write(4 * (ulong)source, 4, priority);
        var word = plic.Read(Enable(context, source), 4);
        plic.Write(Enable(context, source), 4, word | 1u << (source % 32));
    }

    [Fact]
    public void A_level_is_claimed_serviced_and_completed()
    {
        var plic = new Plic(2, _pins);
        Allow(plic, 1, 10, 1);
        plic.Line(10).Set(true);
        Assert.False(_pins.Levels[0]);
        Assert.True(_pins.Levels[1]);
        Assert.Equal(1, _pins.Wakes[1]);
        Assert.Equal(1u << 10, plic.Read(0x1000, 4));
        Assert.Equal(10u, plic.Read(Claim(1), 4));
        Assert.False(_pins.Levels[1]);
        Assert.Equal(0u, plic.Read(Claim(1), 4));
        // The gateway is shut until completion, then a level still high asks again.
        plic.Line(10).Set(false);
        plic.Line(10).Set(true);
        Assert.False(_pins.Levels[1]);
        plic.Write(Claim(1), 4, 10);
        Assert.True(_pins.Levels[1]);
        Assert.Equal(10u, plic.Read(Claim(1), 4));
        plic.Line(10).Set(false);
        plic.Write(Claim(1), 4, 10);
        Assert.False(_pins.Levels[1]);
        Assert.Equal(2, plic.Claims);
    }

    [Fact]
    public void Priorities_order_and_thresholds_mask()
    {
        var plic = new Plic(1, _pins);
        Allow(plic, 0, 5, 2);
        Allow(plic, 0, 40, 7);
        Allow(plic, 0, 41, 7);
        Allow(plic, 0, 6, 0);
        plic.Write(Threshold(0), 4, 7);
        foreach (var source in (int[])[5, 6, 40, 41])
            plic.Line(source).Set(true);
        Assert.False(_pins.Levels[0]);
        plic.Write(Threshold(0), 4, 6);
        Assert.True(_pins.Levels[0]);
        Assert.Equal(40u, plic.Read(Claim(0), 4));
        Assert.Equal(41u, plic.Read(Claim(0), 4));
        Assert.False(_pins.Levels[0]);
        // A claim is not subject to the threshold; a source of priority 0 is never given.
        Assert.Equal(5u, plic.Read(Claim(0), 4));
        Assert.Equal(0u, plic.Read(Claim(0), 4));
    }

    [Fact]
    public void Completion_by_a_context_that_has_it_not_enabled_is_ignored()
    {
        var plic = new Plic(2, _pins);
        Allow(plic, 0, 3, 1);
        plic.Line(3).Set(true);
        Assert.Equal(3u, plic.Read(Claim(0), 4));
        plic.Write(Claim(1), 4, 3);
        Assert.Equal(0u, plic.Read(0x1000, 4));
        plic.Write(Claim(0), 4, 3);
        Assert.Equal(8u, plic.Read(0x1000, 4));
    }

    [Fact]
    public void Registers_hold_what_they_can()
    {
        var plic = new Plic(1, _pins);
        plic.Write(4 * 63, 4, 0xffff_ffff);
        Assert.Equal(7u, plic.Read(4 * 63, 4));
        plic.Write(0, 4, 7);
        Assert.Equal(0u, plic.Read(0, 4));
        plic.Write(4 * 64, 4, 7);
        Assert.Equal(0u, plic.Read(4 * 64, 4));
        plic.Write(Enable(0, 0), 4, 0xffff_ffff);
        Assert.Equal(0xffff_fffeu, plic.Read(Enable(0, 0), 4));
        plic.Write(Enable(0, 32), 4, 0xffff_ffff);
        Assert.Equal(0xffff_ffffu, plic.Read(Enable(0, 32), 4));
        plic.Write(Enable(0, 64), 4, 0xffff_ffff);
        Assert.Equal(0u, plic.Read(Enable(0, 64), 4));
        plic.Write(Enable(1, 0), 4, 0xffff_ffff);
        Assert.Equal(0u, plic.Read(Enable(1, 0), 4));
        plic.Write(Threshold(0), 8, 5);
        plic.Write(Threshold(0) + 1, 4, 5);
        Assert.Equal(0u, plic.Read(Threshold(0), 4));
    }

    /// <summary>Random accesses and levels, against a slow model written from the specification's sentences.</summary>
    [Fact]
    public void Random_use_agrees_with_the_model()
    {
        const int harts = 3;
        var random = new Random(20261121);
        var plic = new Plic(harts, _pins);
        var model = new Model(harts);
        ulong[] wild =
            [2, 0x1001, 0x1ffc, 0x2000 + 0x80 * 16, 0x1f_fffc, 0x20_0008, 0x20_0ffc, 0x20_0000 + 0x1000 * 16, 0x3ff_fffc, ulong.MaxValue];
        for (var i = 0; i < 200_000; i++)
        {
            int hart = random.Next(harts), source = random.Next(1, 64);
            switch (random.Next(10))
            {
                case 0:
                    var priority = (uint)random.Next(0, 9);
                    plic.Write(4 * (ulong)source, 4, priority);
                    model.Priority[source] = priority & 7;
                    break;
                case 1:
                    var word = (uint)random.NextInt64();
                    var half = random.Next(2);
                    plic.Write(Enable(hart, half * 32), 4, word);
                    for (var b = 0; b < 32; b++)
                        model.Enabled[hart, half * 32 + b] = (word >> b & 1) != 0 && half * 32 + b != 0;
                    break;
                case 2:
                    var threshold = (uint)random.Next(0, 8);
                    plic.Write(Threshold(hart), 4, threshold);
                    model.Threshold[hart] = threshold;
                    break;
                case 3 or 4:
                    var level = random.Next(2) == 0;
                    plic.Line(source).Set(level);
                    model.SetLevel(source, level);
                    break;
                case 5 or 6:
                    Assert.Equal((ulong)model.Claim(hart), plic.Read(Claim(hart), 4));
                    break;
                case 7 or 8:
                    plic.Write(Claim(hart), 4, (ulong)source);
                    model.Complete(hart, source);
                    break;
                default:
                    var offset = wild[random.Next(wild.Length)];
                    plic.Write(offset, 1 << random.Next(4), (ulong)random.NextInt64());
                    plic.Read(offset, 1 << random.Next(4));
                    break;
            }
            for (var h = 0; h < harts; h++)
                Assert.Equal(model.Pin(h), _pins.Levels[h]);
        }
    }

    private sealed class Model(int harts)
    {
        public uint[] Priority { get; } = new uint[64];

        public uint[] Threshold { get; } = new uint[harts];

        public bool[,] Enabled { get; } = new bool[harts, 64];

        private readonly bool[] _level = new bool[64];
        private readonly bool[] _pending = new bool[64];
        private readonly bool[] _claimed = new bool[64];

        public void SetLevel(int source, bool level)
        {
            if (level && !_level[source] && !_claimed[source])
                _pending[source] = true;
            _level[source] = level;
        }

        public int Claim(int hart)
        {
            var best = 0;
            for (var s = 1; s < 64; s++)
            {
                if (_pending[s] && Enabled[hart, s] && Priority[s] > 0 && (best == 0 || Priority[s] > Priority[best]))
                    best = s;
            }
            if (best != 0)
            {
                _pending[best] = false;
                _claimed[best] = true;
            }
            return best;
        }

        public void Complete(int hart, int source)
        {
            if (!Enabled[hart, source] || !_claimed[source])
                return;
            _claimed[source] = false;
            if (_level[source])
                _pending[source] = true;
        }

        public bool Pin(int hart)
        {
            for (var s = 1; s < 64; s++)
            {
                if (_pending[s] && Enabled[hart, s] && Priority[s] > Threshold[hart])
                    return true;
            }
            return false;
        }
    }
}
