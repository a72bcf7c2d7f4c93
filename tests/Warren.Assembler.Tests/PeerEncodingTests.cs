using System.Globalization;
using System.Text;

namespace Warren.Asm.Tests;

/// <summary>Every mnemonic with random operands, and every pseudo-instruction, against GNU as: the bytes must agree.</summary>
public class PeerEncodingTests
{
    private const ulong Address = 0x10000;

    /// <summary>Known to us and not to the oldest binutils that CI has (2.40).</summary>
    private static readonly HashSet<string> UnknownToPeer = ["czero.eqz", "czero.nez"];

    [SkippableFact]
    public void Every_instruction_matches_the_peer()
    {
        Skip.IfNot(GnuAssembler.IsInstalled, "riscv64-linux-gnu-as is not installed");
        var random = new Random(20251);
        var lines = new List<string>();
        foreach ((var mnemonic, var form) in InstructionTable.All.OrderBy(p => p.Key, StringComparer.Ordinal))
        {
            if (UnknownToPeer.Contains(mnemonic))
                continue;
            var count = form.Slots.Length == 0 ? 1 : 12;
            for (var i = 0; i < count; i++)
                lines.Add($"{mnemonic} {string.Join(", ", form.Slots.Select(s => Operand(s, mnemonic, random)).Where(t => t.Length > 0))}");
        }
        var compressed = lines.ToLookup(l => l.StartsWith("c.", StringComparison.Ordinal));
        Compare([.. compressed[false]]);
        Compare([.. compressed[true]], compress: true);
        Assert.True(lines.Count > 3500, $"only {lines.Count} lines were compared");
    }

    [SkippableFact]
    public void Pseudo_instructions_match_the_peer()
    {
        Skip.IfNot(GnuAssembler.IsInstalled, "riscv64-linux-gnu-as is not installed");
        Compare(
        [
            "nop", "mv a0, t6", "not a1, a2", "neg a3, a4", "negw s0, s1", "sext.w a0, a1", "zext.b a0, a1", "zext.w a0, a1", "seqz a0, a1",
            "snez a0, a1", "sltz a0, a1", "sgtz a0, a1", "sgt a0, a1, a2", "sgtu a0, a1, a2", "beqz a0, .", "bnez a0, .+8", "blez a1, .-4",
            "bgez a2, .", "bltz a3, .", "bgtz a4, .", "bgt a0, a1, .", "ble a0, a1, .", "bgtu a0, a1, .", "bleu a0, a1, .", "j .",
            "j .+1024",
            "jal .+64", "jal t0, .+64", "jr a0", "jr 16(a0)", "jalr a0", "jalr 8(a1)", "jalr t0, a1", "jalr t0, 4(a1)", "jalr t0, a1, -4",
            "ret",
            "fence", "fence r, w", "fence rw, w", "csrr a0, sstatus", "csrw satp, a1", "csrs sie, a2", "csrc sip, a3", "csrwi stvec, 4",
            "csrsi sstatus, 2", "csrci sstatus, 2", "csrw sscratch, 5", "csrrw a0, sscratch, 3", "rdcycle a0", "rdtime a1", "rdinstret a2",
            "frcsr a0", "fscsr a0", "fscsr a0, a1", "frrm a0", "fsrm a1", "fsrm a0, a1", "fsrmi 3", "fsrmi a0, 1", "frflags a0",
            "fsflags a1",
            "fsflags a0, a1", "fsflagsi 31", "fsflagsi a0, 0", "fmv.s fa0, fa1", "fneg.s fa0, fa1", "fabs.s fa0, fa1", "fmv.d ft0, ft11",
            "fneg.d ft0, fs0", "fabs.d fs11, fa1", "fgt.s a0, fa1, fa2", "fge.s a0, fa1, fa2", "fgt.d a0, fa1, fa2", "fge.d a0, fa1, fa2",
            "add a0, a1, 5", "and a0, a1, -1", "or a0, a1, 7", "xor a0, a1, 8", "sll a0, a1, 63", "srl a0, a1, 1", "sra a0, a1, 40",
            "addw a0, a1, 3",
            "sllw a0, a1, 3", "srlw a0, a1, 3", "sraw a0, a1, 31", "slt a0, a1, 9", "sltu a0, a1, 9", "ror a0, a1, 9", "bset a0, a1, 62",
            "sfence.vma", "sfence.vma a0", "sfence.vma zero, a1", "sfence.vma a0, a1", "lw a0, (a1)", "sd a0, (sp)", "lr.w a0, (a1)",
            "amoadd.w a0, a1, 0(a2)", "cbo.zero (a0)", "cbo.clean 0(a0)", "lui a0, %hi(0x12345800)", "addi a0, a0, %lo(0x12345800)",
            "csrr a0, 0xc00", "fadd.s fa0, fa1, fa2, rtz", "fcvt.w.s a0, fa0, rtz", "fsqrt.d fa0, fa1", "fcvt.d.l fa0, a1, rup", "unimp",
        ]);
    }

    [SkippableFact]
    public void Addresses_and_labels_match_the_peer()
    {
        Skip.IfNot(GnuAssembler.IsInstalled, "riscv64-linux-gnu-as is not installed");
        Compare(
        [
            "1: la a0, target", "lla t0, target+4", "call target", "call t0, target", "tail target", "jump target, t3", "ld a0, target",
            "lbu s1, target+1", "sd a0, target, t0", "fld fa0, target, t1", "fsd fa0, target, t1", "beq a0, a1, 1b", "bnez a0, 2f", "j 2f",
            "2: auipc a0, %pcrel_hi(target)", "addi a0, a0, %pcrel_lo(2b)", "sw a1, %pcrel_lo(2b)(a0)", "lui a0, %hi(target)",
            "ld a0, %lo(target)(a0)", "1: bltu a0, a1, 1b", "target: .byte 1, -1, 255, 'a', '\\n', 0, 0, 0", ".balign 4", "nop",
            ".half 0x1234", ".align 3",
            ".dword target, target - 1b, 0xffffffffffffffff", ".word 0xffffffff, -1, (1 << 20) | 5", ".ascii \"a#b;c\\t\\0\\x41\"",
            ".asciz \"d\", \"e\"",
            ".zero 3, 1", ".fill 3, 2, 0x4142", ".p2align 4", ".set n, 5", "addi a0, a0, n", ".set n, n * 2", "addi a0, a0, n",
            ".equ len, . - target",
            ".rept 3", "addi a1, a1, n", ".endr", ".if n == 10", "li a2, 1", ".else", "li a2, 2", ".endif", ".ifdef nothing",
            "li a3, 1", ".else", "li a3, 2", ".endif", ".double 1.5, -0.1", ".float 3.25", "li a0, 1 + 2 * 3 - 4 / 2 % 3 << 2 ^ 5 & 7 | ~8",
            "li a0, -(3 == 3) + (2 > 1) + (1 && 0) + (4 >= 5)",
        ]);
    }

    [SkippableFact]
    public void Macros_match_the_peer()
    {
        Skip.IfNot(GnuAssembler.IsInstalled, "riscv64-linux-gnu-as is not installed");
        Compare(
        [
            ".macro add3 rd, a, b=a3", "add \\rd, \\a, \\b", ".endm", "add3 a0, a1", "add3 a0, a1, a2", "add3 b=s0, rd=s1, a=s2",
            ".macro loop n", "li t0, \\n", "loop\\@: addi t0, t0, -1", "bnez t0, loop\\@", ".endm", "loop 3", "loop 4",
            ".macro each op, rest:vararg", ".irp r, \\rest", "\\op\\().w \\r, a0, (a1)", ".endr", ".endm", "each amoadd, a2, a3, a4",
            ".macro count n", ".if \\n", ".word \\n", "count (\\n - 1)", ".endif", ".endm", "count 4",
        ]);
    }

    [SkippableFact]
    public void Compression_matches_the_peer()
    {
        Skip.IfNot(GnuAssembler.IsInstalled, "riscv64-linux-gnu-as is not installed");
        var random = new Random(77);
        string[] registers = ["zero", "ra", "sp", "s0", "s1", "a0", "a1", "a5", "t6"];
        string Register() => registers[random.Next(registers.Length)];
        string Float() => new[] { "ft0", "fs0", "fa0", "fa5", "fs11" }[random.Next(5)];
        int[] offsets =
            [0, 1, 4, 8, 16, 32, 31, 63, 64, 124, 128, 248, 252, 256, 496, 504, 512, 1020, 1024, -1, -4, -16, -32, -33, -512, -528];
        int Offset() => offsets[random.Next(offsets.Length)];
        var lines = new List<string>();
        for (var i = 0; i < 6000; i++)
        {
            string[] three = ["add", "sub", "and", "or", "xor", "addw", "subw", "sll"];
            string[] memory = ["lw", "ld", "sw", "sd", "lbu"];
            string[] immediate = ["addi", "addiw", "andi", "ori"];
            string[] shift = ["slli", "srli", "srai"];
            lines.Add((i % 8) switch
            {
                0 => $"{three[random.Next(three.Length)]} {Register()}, {Register()}, {Register()}",
                1 => $"{memory[random.Next(memory.Length)]} {Register()}, {Offset()}({Register()})",
                2 => $"{immediate[random.Next(immediate.Length)]} {Register()}, {Register()}, {Offset()}",
                3 => $"{shift[random.Next(shift.Length)]} {Register()}, {Register()}, {random.Next(64)}",
                4 => $"{(random.Next(2) == 0 ? "fld" : "fsd")} {Float()}, {Offset()}({Register()})",
                5 => $"lui {Register()}, {(random.Next(2) == 0 ? random.Next(40) : 0xfffff - random.Next(40))}",
                6 => (random.Next(2) == 0 ? "jr " : "jalr ")
                    + (random.Next(3) == 0 ? "4(a0)" : registers[random.Next(1, registers.Length)]),
                _ => random.Next(3) == 0 ? "ebreak" : $"li {registers[random.Next(1, registers.Length)]}, {Offset()}",
            });
        }
        // A two-register add whose first source is x0 has no fixed spelling: both encodings move the second.
        Compare(lines, compress: true);
    }

    private static void Compare(IReadOnlyList<string> lines, bool compress = false)
    {
        // GNU as pads the section's end to its alignment; the mark shows that nothing of ours is missing before that.
        var source = string.Join('\n', lines) + "\n.word 0x5a5a5a5a\n";
        var peer = GnuAssembler.Assemble(source, Address, compress ? ".option rvc\n" : ".option norvc\n");
        var ours = Assembler.Assemble(source, new AssemblerOptions { Base = Address, Compress = compress }).ToArray();
        if (peer.AsSpan().StartsWith(ours) && peer.Length - ours.Length < 16)
            return;
        var at = peer.AsSpan().CommonPrefixLength(ours) & ~1;
        var message = new StringBuilder($"first difference at {at} of {ours.Length} (peer {peer.Length}): ");
        message.Append(CultureInfo.InvariantCulture, $"ours {Convert.ToHexString(ours.AsSpan(at, Math.Min(4, ours.Length - at)))} ");
        message.Append(CultureInfo.InvariantCulture, $"peer {Convert.ToHexString(peer.AsSpan(at, Math.Min(4, peer.Length - at)))}, near ");
        message.Append(Nearest(lines, at, compress));
        Assert.Fail(message.ToString());
    }

    /// <summary>The line whose bytes hold the offset, found by assembling ever longer prefixes.</summary>
    private static string Nearest(IReadOnlyList<string> lines, int at, bool compress)
    {
        var marked = new StringBuilder();
        for (var i = 0; i < lines.Count; i++)
        {
            marked.Append(CultureInfo.InvariantCulture,
                $"{(lines[i].Contains('\\', StringComparison.Ordinal) ? "" : $"mark{i}: ")}{lines[i]}\n");
        }
        try
        {
            var result = Assembler.Assemble(marked.ToString(), new AssemblerOptions { Compress = compress });
            var mark = result.Symbols.Where(s => s.Key.StartsWith("mark", StringComparison.Ordinal) && s.Value <= (ulong)at)
                .MaxBy(s => (s.Value, int.Parse(s.Key.AsSpan(4), CultureInfo.InvariantCulture))).Key;
            return $"'{lines[int.Parse(mark.AsSpan(4), CultureInfo.InvariantCulture)]}'";
        }
        catch (AssemblyException)
        {
            return "(unknown line)";
        }
    }

    private static string Operand(Slot slot, string mnemonic, Random random)
    {
        string Integer() => "x" + random.Next(32);
        string NonZero() => "x" + random.Next(1, 32);
        string Short() => "x" + random.Next(8, 16);
        string Memory(int multiple, int count, string register) => $"{random.Next(count) * multiple}({register})";
        switch (slot)
        {
            case Slot.Rd or Slot.RdRs1 or Slot.CRs2:
                // c.lui's x2 is c.addi16sp; a compressed x0 is a hint or reserved.
                return mnemonic == "c.lui" ? "x" + random.Next(3, 32) : mnemonic.StartsWith("c.", StringComparison.Ordinal) ? NonZero()
                    : Integer();
            case Slot.Rs1 or Slot.Rs2 or Slot.OptionalRs1 or Slot.OptionalRs2:
                return Integer();
            case Slot.Fd or Slot.Fs1 or Slot.Fs2 or Slot.Fs3 or Slot.CFs2:
                return "f" + random.Next(32);
            case Slot.Rounding:
                return new[] { "", "rne", "rtz", "rdn", "rup", "rmm", "dyn" }[random.Next(7)];
            case Slot.Address:
                return $"({Integer()})";
            case Slot.Signed12:
                return $"{random.Next(-2048, 2048)}";
            case Slot.LoadOffset or Slot.StoreOffset:
                return $"{random.Next(-2048, 2048)}({Integer()})";
            case Slot.PrefetchOffset:
                return $"{random.Next(-64, 64) * 32}({Integer()})";
            case Slot.Upper20:
                return $"{random.Next(1 << 20)}";
            case Slot.BranchTarget:
                return $".{random.Next(-2048, 2048) * 2:+0;-0;+0}";
            case Slot.JumpTarget:
                return $".{random.Next(-1 << 19, 1 << 19) * 2:+0;-0;+0}";
            case Slot.Shift5 or Slot.Unsigned5:
                return $"{random.Next(32)}";
            case Slot.Shift6:
                return $"{random.Next(64)}";
            case Slot.Csr:
                return $"{random.Next(4096)}";
            case Slot.FencePredecessor or Slot.FenceSuccessor:
                return new[] { "i", "o", "r", "w", "iorw", "rw", "io", "ir" }[random.Next(8)];
            case Slot.CRd3 or Slot.CRs1High3 or Slot.CRs2Low3:
                return Short();
            case Slot.CFd3 or Slot.CFs2Low3:
                return "f" + random.Next(8, 16);
            case Slot.CSigned6:
                return $"{(mnemonic == "c.addi" ? random.Next(1, 32) : random.Next(-32, 32))}";
            case Slot.CShift6:
                return $"{random.Next(1, 64)}";
            case Slot.CUpper6:
                return $"{(random.Next(2) == 0 ? random.Next(1, 32) : random.Next(0xfffe0, 0x100000))}";
            case Slot.CAddi16Sp:
                return $"{random.Next(1, 32) * 16 * (random.Next(2) == 0 ? 1 : -1)}".Replace("-0", "16", StringComparison.Ordinal);
            case Slot.CAddi4Spn:
                return $"{random.Next(1, 256) * 4}";
            case Slot.CLoadWord:
                return Memory(4, 32, Short());
            case Slot.CLoadDouble:
                return Memory(8, 32, Short());
            case Slot.CLoadWordSp or Slot.CStoreWordSp:
                return Memory(4, 64, "sp");
            case Slot.CLoadDoubleSp or Slot.CStoreDoubleSp:
                return Memory(8, 64, "sp");
            case Slot.CBranchTarget:
                return $".{random.Next(-128, 128) * 2:+0;-0;+0}";
            case Slot.CJumpTarget:
                return $".{random.Next(-1024, 1024) * 2:+0;-0;+0}";
            case Slot.StackPointer:
                return "sp";
            default:
                throw new ArgumentOutOfRangeException(nameof(slot), slot, null);
        }
    }
}
