using System.Globalization;
using Warren.Hypervisor.Vcpus;
using Warren.RiscV.Tests.Harness;

namespace Warren.RiscV.Tests.Differential;

/// <summary>
/// Words that no assembler would emit: each is executed or refused as the manuals say, and none disturbs the host. <c>WARREN_FUZZ_SEED</c>
/// is added to every seed.
/// </summary>
public class DecoderFuzzTests
{
    private const ulong Code = TestMachine.RamBase + 0x10_0000;
    private const ulong Handler = TestMachine.RamBase + 0x20_0000;
    private const ulong Data = TestMachine.RamBase + 0x30_0000;

    private static readonly int FirstSeed =
        int.Parse(Environment.GetEnvironmentVariable("WARREN_FUZZ_SEED") ?? "0", CultureInfo.InvariantCulture);
    private static readonly byte[] Ecall = [0x73, 0, 0, 0];

    [Fact]
    public void Every_compressed_word_is_legal_exactly_when_the_manual_says()
    {
        using var machine = new TestMachine();
        machine.Write(Handler, Ecall);
        for (uint word = 0; word <= 0xffff; word++)
        {
            if ((word & 3) != 3)
                Check(machine, word, 2, Legality.IsLegalCompressed(word));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Random_words_are_legal_exactly_when_the_manual_says(int seed)
    {
        uint[] opcodes =
        [
            0x03, 0x07, 0x0f, 0x13, 0x17, 0x1b, 0x23, 0x27, 0x2f, 0x33, 0x37, 0x3b, 0x43, 0x47, 0x4b, 0x4f, 0x53, 0x53, 0x53, 0x63, 0x67,
            0x6f, 0x73,
        ];
        using var machine = new TestMachine();
        machine.Write(Handler, Ecall);
        var random = new Random(FirstSeed + seed);
        for (var i = 0; i < 60_000; i++)
        {
            var word = (uint)random.NextInt64(1L << 32) | 3;
            if (random.Next(8) != 0)
                word = (word & ~0x7fu) | opcodes[random.Next(opcodes.Length)];

            // Sparse words meet the encodings that want whole fields zero.
            word &= random.Next(3) switch { 0 => ~0u, 1 => 0xfff0_7fff, _ => ~(uint)random.NextInt64(1L << 32) | 0x7f };
            var accessesCsr = (word & 0x7f) == 0x73 && ((word >> 12) & 3) != 0;
            if (!accessesCsr)
                Check(machine, word, 4, Legality.IsLegal(word));
        }
    }

    /// <summary>Random code in S mode, and in U mode under each paging scheme, whose handler steps over what traps.</summary>
    [Theory]
    [InlineData(1, 0)]
    [InlineData(2, 0)]
    [InlineData(3, 8)]
    [InlineData(4, 9)]
    [InlineData(5, 10)]
    public void Random_code_never_harms_the_host(int seed, int satpMode)
    {
        const string stepOver = """
                    csrr t0, sepc
                    addi t0, t0, 2
                    csrw sepc, t0
                    sret
            """;
        var handler = GuestProgram.Assemble(stepOver, Asm.OutputKind.Flat).ToArray();
        var random = new Random(FirstSeed + seed);
        var code = new byte[0x8000];
        for (var round = 0; round < 8; round++)
        {
            using var machine = new TestMachine();
            random.NextBytes(code);
            machine.Write(Code, code);
            machine.Write(Handler, handler);
            Prepare(machine);
            for (var run = 0; run < 30; run++)
            {
                var entry = Code + (ulong)(random.Next(code.Length) & ~1);
                if (satpMode == 0)
                {
                    machine.Hart.Pc = entry;
                }
                else
                {
                    Prepare(machine);
                    machine.PrepareUser(entry, satpMode, stepOver);
                }

                var exit = machine.RunFor(5_000);
                var survived = exit.Reason is not (VcpuExitReason.InternalError or VcpuExitReason.Shutdown);
                Assert.True(survived, $"{exit} at {machine.Hart.Pc:x}");
            }
        }
    }

    private static void Check(TestMachine machine, uint word, int length, bool legal)
    {
        // Followed by EBREAKs, so that whatever falls through stops; whatever jumps meets zeroes, which are illegal elsewhere.
        Span<byte> code = stackalloc byte[16];
        code.Clear();
        BitConverter.TryWriteBytes(code, word);
        for (var at = length; at < 12; at += 2)
            BitConverter.TryWriteBytes(code[at..], (ushort)0x9002);

        machine.Write(Code, code);
        Prepare(machine);
        var exit = machine.RunFor(20);
        var hart = machine.Hart;
        var refused = hart.ReadCsr(0x142) == (ulong)ExceptionCause.IllegalInstruction && hart.ReadCsr(0x141) == Code;
        Assert.True(
            refused != legal && exit.Reason is not VcpuExitReason.InternalError and not VcpuExitReason.Shutdown,
            $"{word:x8} is {(legal ? "legal" : "illegal")}, but {exit}, scause {hart.ReadCsr(0x142):x}, sepc {hart.ReadCsr(0x141):x}");
    }

    private static void Prepare(TestMachine machine)
    {
        var hart = machine.Hart;
        hart.Reset(Code, 0, 0);
        hart.WriteCsr(0x105, Handler);
        hart.WriteCsr(0x100, 0x2000);
        hart.WriteCsr(0x142, 0);
        hart.WriteCsr(0x141, 0);
        hart.WriteCsr(0x003, 0);
        for (var i = 1; i < 32; i++)
            hart.SetX(i, Data + (ulong)i * 64);
    }
}
