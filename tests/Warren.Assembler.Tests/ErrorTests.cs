namespace Warren.Asm.Tests;

/// <summary>
/// Every mistake is named in one sentence with its file and line; none ends in anything but <see cref="AssemblyException"/>.
/// </summary>
public class ErrorTests
{
    [Theory]
    [InlineData("nop\nfrobnicate a0", 2, "'frobnicate'")]
    [InlineData("addi a0, a1, 2048", 1, "does not fit 12 bits")]
    [InlineData("addi a0, a1", 1, "wants 3 operands, not 2")]
    [InlineData("add a0, a1, q7", 1, "not defined")]
    [InlineData("add a0, fa1, a2", 1, "'fa1' is not an integer register")]
    [InlineData("fadd.s a0, fa1, fa2", 1, "'a0' is not a floating-point register")]
    [InlineData("slli a0, a0, 64", 1, "64 is not in 0..63")]
    [InlineData("slliw a0, a0, 32", 1, "32 is not in 0..31")]
    [InlineData("lui a0, 0x100000", 1, "20 bits")]
    [InlineData("sd a0, x", 1, "temporary register")]
    [InlineData("j nowhere", 1, "'nowhere' is not defined")]
    [InlineData("beq a0, a1, far\n.zero 8192\nfar: nop", 1, "out of reach")]
    [InlineData("j .+3", 1, "odd distance")]
    [InlineData("j 1b", 1, "no label 1:")]
    [InlineData("j 1f", 1, "'1f' is not defined")]
    [InlineData("x: nop\nx: nop", 2, "'x' is defined twice")]
    [InlineData("x: nop\n.set x, 3", 2, "is a label")]
    [InlineData(".set a, b\n.set b, a\n.dword a", 3, "defined by itself")]
    [InlineData("csrr a0, notacsr", 1, "'notacsr' is not a known CSR")]
    [InlineData("csrr a0, 4096", 1, "not in 0..0xfff")]
    [InlineData("csrwi sie, 32", 1, "32 is not in 0..31")]
    [InlineData("fence q, w", 1, "not a fence set")]
    [InlineData("fadd.s fa0, fa1, fa2, up", 1, "not a rounding mode")]
    [InlineData("amoadd.w a0, a1, 4(a2)", 1, "takes no offset")]
    [InlineData("c.addi a0, 32", 1, "-32..31")]
    [InlineData("c.lw t0, 0(a0)", 1, "registers 8 to 15")]
    [InlineData("c.ldsp a0, 0(a1)", 1, "must be sp")]
    [InlineData("c.addi16sp sp, 0", 1, "nonzero multiple of 16")]
    [InlineData(".byte 256", 1, "does not fit a byte")]
    [InlineData(".half 65536", 1, "16 bits")]
    [InlineData(".ascii \"open", 1, "quoted string")]
    [InlineData(".ascii \"\\q\"", 1, "unknown escape")]
    [InlineData(".nonsense", 1, "unknown directive")]
    [InlineData(".if 1\nnop", 1, ".endif is missing")]
    [InlineData(".endif", 1, "without .if")]
    [InlineData(".macro m\nnop", 1, ".endm is missing")]
    [InlineData(".rept 2\nnop", 1, ".endr is missing")]
    [InlineData(".macro m a:req\n.endm\nm", 3, "wants an argument for 'a'")]
    [InlineData(".macro m a\n.endm\nm 1, 2", 3, "takes 1 arguments")]
    [InlineData(".macro m\nm\n.endm\nm", 2, "nested more than")]
    [InlineData(".rept 1 << 40\n.endr", 1, "does not end")]
    [InlineData(".bss\nnop", 2, "no contents")]
    [InlineData(".bss\n.byte 1", 2, "holds only zeroes")]
    [InlineData(".byte 1\nnop", 2, "odd address")]
    [InlineData(".align 30", 1, "not an alignment")]
    [InlineData(".balign 3", 1, "not an alignment")]
    [InlineData(".zero -1", 1, "not in 0..2^28")]
    [InlineData(".include \"no such file\"", 1, "not beside this file")]
    [InlineData(".dword 1 +", 1, "expression is missing")]
    [InlineData(".dword (1", 1, "')' is missing")]
    [InlineData(".dword 1 / 0", 1, "division by zero")]
    [InlineData(".dword 0x1ffffffffffffffff", 1, "not a number below 2^64")]
    [InlineData("li a0, later\n.set later, 1", 1, "known at this line")]
    [InlineData("x: li a0, x", 1, "known at this line")]
    [InlineData("addi a0, a0, %hi(4096)", 1, "does not belong")]
    [InlineData("addi a0, a0, %pcrel_lo(x)\nx: nop", 1, "label of an auipc")]
    [InlineData(".option pop", 1, "without .option push")]
    [InlineData(".error \"told so\"", 1, "told so")]
    public void Mistakes_are_named(string source, int line, string message)
    {
        var e =
            Assert.Throws<AssemblyException>(() =>
                Assembler.Assemble(source, new AssemblerOptions { FileName = "bad.s", Base = 0x10000000 }));
        Assert.Equal(new SourceLocation("bad.s", line), e.Errors[0].Location);
        Assert.Matches(message.Replace("(", "\\(", StringComparison.Ordinal).Replace(")", "\\)", StringComparison.Ordinal)
            .Replace("^", "\\^", StringComparison.Ordinal).Replace("+", "\\+", StringComparison.Ordinal), e.Message);
        Assert.DoesNotContain('\n', e.Errors[0].Message);
    }

    [Fact]
    public void All_mistakes_are_reported_at_once()
    {
        var e = Assert.Throws<AssemblyException>(() => Assembler.Assemble("one\nnop\ntwo\nthree"));
        Assert.Equal([1, 3, 4], e.Errors.Select(x => x.Location.Line));
    }

    [Fact]
    public void A_mistake_in_a_macro_names_the_call()
    {
        var e =
            Assert.Throws<AssemblyException>(() =>
                Assembler.Assemble(".macro m\nbad\n.endm\nnop\nm", new AssemblerOptions { FileName = "f.s" }));
        Assert.Equal(2, e.Errors[0].Location.Line);
        Assert.Contains("in macro m called at f.s:5", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Deep_expressions_do_not_take_the_stack()
    {
        var sum = ".dword " + string.Join(" + ", Enumerable.Repeat("1", 20000));
        Tolerate(sum);
        Tolerate(".dword " + new string('(', 100000));
        Tolerate(string.Concat(Enumerable.Range(0, 8000).Select(i => $".set s{i}, s{i + 1} + 1\n")) + ".set s8000, 0\n.dword s0");
    }

    /// <summary>Mutations of real sources and plain noise: any outcome but an exception of another type.</summary>
    [Fact]
    public void Noise_is_refused_in_words()
    {
        var random = new Random(99);
        string[] seeds = [.. Directory.EnumerateFiles(Repository.Guest, "*.s", SearchOption.AllDirectories).Select(File.ReadAllText)];
        const string alphabet = "abcxst0189 \t,.:;#\"'\\()%+-*/<>=!&|^~$@_\n\0é";
        for (var i = 0; i < 400; i++)
        {
            var seed = seeds[random.Next(seeds.Length)];
            var start = random.Next(seed.Length);
            var text = seed.Substring(start, Math.Min(seed.Length - start, random.Next(2000))).ToCharArray();
            for (var edits = random.Next(30); edits > 0 && text.Length > 0; edits--)
                text[random.Next(text.Length)] = alphabet[random.Next(alphabet.Length)];
            Tolerate(new string(text));
        }
        for (var i = 0; i < 2000; i++)
        {
            var mnemonic = InstructionTable.All.ElementAt(random.Next(InstructionTable.All.Count())).Key;
            Tolerate(
                $"{mnemonic} {new string([.. Enumerable.Range(0, random.Next(12)).Select(_ => alphabet[random.Next(alphabet.Length)])])}");
        }
    }

    private static void Tolerate(string source)
    {
        try
        {
            Assembler.Assemble(source);
        }
        catch (AssemblyException e)
        {
            Assert.NotEmpty(e.Errors);
        }
    }
}
