using System.Globalization;

namespace Warren.Asm;

/// <summary>
/// The assembler's own mnemonics. Most are one instruction with operands rearranged: the key is name/operand count, <c>$n</c> an
/// operand, <c>$mn</c> an operand that may be a bare register where a memory operand is wanted.
/// </summary>
internal static class PseudoInstructions
{
    private static readonly Dictionary<string, string> Templates = new(StringComparer.Ordinal)
    {
        ["nop/0"] = "addi x0, x0, 0",
        ["mv/2"] = "addi $0, $1, 0",
        ["not/2"] = "xori $0, $1, -1",
        ["neg/2"] = "sub $0, x0, $1",
        ["negw/2"] = "subw $0, x0, $1",
        ["sext.w/2"] = "addiw $0, $1, 0",
        ["zext.b/2"] = "andi $0, $1, 255",
        ["zext.w/2"] = "add.uw $0, $1, x0",
        ["seqz/2"] = "sltiu $0, $1, 1",
        ["snez/2"] = "sltu $0, x0, $1",
        ["sltz/2"] = "slt $0, $1, x0",
        ["sgtz/2"] = "slt $0, x0, $1",
        ["sgt/3"] = "slt $0, $2, $1",
        ["sgtu/3"] = "sltu $0, $2, $1",
        ["beqz/2"] = "beq $0, x0, $1",
        ["bnez/2"] = "bne $0, x0, $1",
        ["blez/2"] = "bge x0, $0, $1",
        ["bgez/2"] = "bge $0, x0, $1",
        ["bltz/2"] = "blt $0, x0, $1",
        ["bgtz/2"] = "blt x0, $0, $1",
        ["bgt/3"] = "blt $1, $0, $2",
        ["ble/3"] = "bge $1, $0, $2",
        ["bgtu/3"] = "bltu $1, $0, $2",
        ["bleu/3"] = "bgeu $1, $0, $2",
        ["j/1"] = "jal x0, $0",
        ["jal/1"] = "jal ra, $0",
        ["jr/1"] = "jalr x0, $m0",
        ["jr/2"] = "jalr x0, $1($0)",
        ["jalr/1"] = "jalr ra, $m0",
        ["jalr/3"] = "jalr $0, $2($1)",
        ["ret/0"] = "jalr x0, 0(ra)",
        ["fence/0"] = "fence iorw, iorw",
        ["csrr/2"] = "csrrs $0, $1, x0",
        ["csrw/2"] = "csrrw x0, $0, $1",
        ["csrs/2"] = "csrrs x0, $0, $1",
        ["csrc/2"] = "csrrc x0, $0, $1",
        ["csrwi/2"] = "csrrwi x0, $0, $1",
        ["csrsi/2"] = "csrrsi x0, $0, $1",
        ["csrci/2"] = "csrrci x0, $0, $1",
        ["rdcycle/1"] = "csrrs $0, cycle, x0",
        ["rdtime/1"] = "csrrs $0, time, x0",
        ["rdinstret/1"] = "csrrs $0, instret, x0",
        ["frcsr/1"] = "csrrs $0, fcsr, x0",
        ["fscsr/1"] = "csrrw x0, fcsr, $0",
        ["fscsr/2"] = "csrrw $0, fcsr, $1",
        ["frrm/1"] = "csrrs $0, frm, x0",
        ["fsrm/1"] = "csrrw x0, frm, $0",
        ["fsrm/2"] = "csrrw $0, frm, $1",
        ["fsrmi/1"] = "csrrwi x0, frm, $0",
        ["fsrmi/2"] = "csrrwi $0, frm, $1",
        ["frflags/1"] = "csrrs $0, fflags, x0",
        ["fsflags/1"] = "csrrw x0, fflags, $0",
        ["fsflags/2"] = "csrrw $0, fflags, $1",
        ["fsflagsi/1"] = "csrrwi x0, fflags, $0",
        ["fsflagsi/2"] = "csrrwi $0, fflags, $1",
        ["fmv.s/2"] = "fsgnj.s $0, $1, $1",
        ["fneg.s/2"] = "fsgnjn.s $0, $1, $1",
        ["fabs.s/2"] = "fsgnjx.s $0, $1, $1",
        ["fmv.d/2"] = "fsgnj.d $0, $1, $1",
        ["fneg.d/2"] = "fsgnjn.d $0, $1, $1",
        ["fabs.d/2"] = "fsgnjx.d $0, $1, $1",
        ["fgt.s/3"] = "flt.s $0, $2, $1",
        ["fge.s/3"] = "fle.s $0, $2, $1",
        ["fgt.d/3"] = "flt.d $0, $2, $1",
        ["fge.d/3"] = "fle.d $0, $2, $1",
    };

    /// <summary>Register-register mnemonics that may be written with a constant last, and what they then mean.</summary>
    private static readonly Dictionary<string, string> ImmediateForms = new(StringComparer.Ordinal)
    {
        ["add"] = "addi",
        ["addw"] = "addiw",
        ["and"] = "andi",
        ["or"] = "ori",
        ["xor"] = "xori",
        ["slt"] = "slti",
        ["sltu"] = "sltiu",
        ["sll"] = "slli",
        ["srl"] = "srli",
        ["sra"] = "srai",
        ["sllw"] = "slliw",
        ["srlw"] = "srliw",
        ["sraw"] = "sraiw",
        ["ror"] = "rori",
        ["rorw"] = "roriw",
        ["bclr"] = "bclri",
        ["bext"] = "bexti",
        ["binv"] = "binvi",
        ["bset"] = "bseti",
        ["csrrw"] = "csrrwi",
        ["csrrs"] = "csrrsi",
        ["csrrc"] = "csrrci",
    };

    /// <summary>The statement that this one stands for; null when it stands for itself.</summary>
    public static (string Mnemonic, List<string> Operands)? Rewrite(string mnemonic, List<string> operands)
    {
        if (Templates.TryGetValue(string.Create(CultureInfo.InvariantCulture, $"{mnemonic}/{operands.Count}"), out var template))
        {
            var meant = Substitute(template, operands);
            return Rewrite(meant.Mnemonic, meant.Operands) ?? meant;
        }
        if (mnemonic == "jalr" && operands.Count == 2 && Registers.TryInteger(operands[1], out _))
            return (mnemonic, [operands[0], $"0({operands[1]})"]);
        if (operands.Count == 3 && ImmediateForms.TryGetValue(mnemonic, out var immediate) && !Registers.TryInteger(operands[2], out _))
            return (immediate, operands);
        return null;
    }

    private static (string Mnemonic, List<string> Operands) Substitute(string template, List<string> operands)
    {
        var space = template.IndexOf(' ', StringComparison.Ordinal);
        var text = template[space..];
        for (var i = 0; i < operands.Count; i++)
        {
            var memory = Registers.TryInteger(operands[i], out _) ? $"0({operands[i]})" : operands[i];
            text = text.Replace($"$m{i}", memory, StringComparison.Ordinal).Replace($"${i}", operands[i], StringComparison.Ordinal);
        }
        return (template[..space], Text.SplitOperands(text));
    }
}
