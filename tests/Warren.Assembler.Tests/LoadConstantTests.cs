using System.Buffers.Binary;
using FsCheck;
using FsCheck.Fluent;

namespace Warren.Asm.Tests;

/// <summary><c>li</c>: what it emits is executed here by the four instructions' definitions, and must leave the constant.</summary>
public class LoadConstantTests
{
    private static List<long> Edges()
    {
        var data = new List<long>();
        for (var bit = 0; bit < 64; bit++)
        {
            for (var delta = -1; delta <= 1; delta++)
            {
                data.Add((1L << bit) + delta);
                data.Add(-(1L << bit) + delta);
                data.Add((1L << bit) + (delta * 0x800));
            }
        }
        return data;
    }

    [Fact]
    public void Edges_are_exact() => Assert.All(Edges(), value => Assert.Equal(value, Execute(value)));

    [Fact]
    public void Any_constant_is_exact() =>
    Prop.ForAll<long>(ArbMap.Default.ArbFor<long>(), value => Execute(value) == value).QuickCheckThrowOnFailure();

    [Fact]
    public void Random_bits_are_exact()
    {
        var random = new Random(4);
        for (var i = 0; i < 3000; i++)
        {
            var value = random.NextInt64(long.MinValue, long.MaxValue) >> random.Next(64) << random.Next(64);
            Assert.Equal(value, Execute(value));
        }
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(-2048, 1)]
    [InlineData(4096, 1)]
    [InlineData(0x7fffffff, 2)]
    [InlineData(0x80000000, 2)]
    [InlineData(long.MinValue, 2)]
    public void Short_sequences(long value, int instructions) =>
    Assert.Equal(instructions * 4, Assembler.Assemble($"li a0, {value}").Bytes.Length);

    [Fact]
    public void No_constant_takes_more_than_eight()
    {
        var random = new Random(5);
        for (var i = 0; i < 1000; i++)
            Assert.InRange(Assembler.Assemble($"li a0, {random.NextInt64(long.MinValue, long.MaxValue)}").Bytes.Length, 4, 32);
    }

    private static long Execute(long value)
    {
        var code = Assembler.Assemble($"li a0, {value}").Bytes;
        var a0 = unchecked((long)0xdeadbeefdeadbeef);
        for (; code.Length > 0; code = code[4..])
        {
            var word = BinaryPrimitives.ReadUInt32LittleEndian(code);
            Assert.Equal(10u, (word >> 7) & 31);
            var source = (word >> 15) & 31;
            var operand = source == 0 ? 0 : a0;
            long immediate = (int)word >> 20;
            a0 = (word & 0x707f) switch
            {
                0x0013 => operand + immediate,
                0x001b => (int)(operand + immediate),
                0x1013 => operand << (int)(immediate & 63),
                _ when (word & 0x7f) == 0x37 => (int)(word & 0xfffff000),
                _ => throw new InvalidOperationException($"li emitted 0x{word:x8}"),
            };
        }
        return a0;
    }
}
