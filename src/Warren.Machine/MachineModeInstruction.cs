namespace Warren.Machines;

/// <summary>Names the instructions that exist in machine mode only (privileged manual, CSR address map and SYSTEM encodings).</summary>
internal static class MachineModeInstruction
{
    private const uint Mret = 0x30200073;
    private const uint SystemOpcode = 0x73;

    /// <summary>CSRRS from x0.</summary>
    private const uint ReadForm = 0x2073;

    private static readonly string[] Forms = ["", "csrrw", "csrrs", "csrrc", "", "csrrwi", "csrrsi", "csrrci"];

    /// <summary>Mnemonic and CSR of <paramref name="bits"/>; null when another mode may execute it, or none.</summary>
    public static string? Name(uint bits)
    {
        if (bits == Mret)
            return "mret";
        var csr = bits >> 20;
        var form = Forms[bits >> 12 & 7];
        // Bits 9 and 8 of a CSR's number say the lowest mode that may use it.
        if ((bits & 0x000ff07f) == ReadForm && (csr >> 8 & 3) == 3)
            return $"csrr {Csr(csr)}";
        return (bits & 0x7f) == SystemOpcode && form.Length > 0 && (csr >> 8 & 3) == 3 ? $"{form} {Csr(csr)}" : null;
    }

    private static string Csr(uint number) => number switch
    {
        0x300 => "mstatus",
        0x301 => "misa",
        0x302 => "medeleg",
        0x303 => "mideleg",
        0x304 => "mie",
        0x305 => "mtvec",
        0x306 => "mcounteren",
        0x30a => "menvcfg",
        0x320 => "mcountinhibit",
        0x340 => "mscratch",
        0x341 => "mepc",
        0x342 => "mcause",
        0x343 => "mtval",
        0x344 => "mip",
        >= 0x3a0 and < 0x3b0 => $"pmpcfg{number - 0x3a0}",
        >= 0x3b0 and < 0x3f0 => $"pmpaddr{number - 0x3b0}",
        0xb00 => "mcycle",
        0xb02 => "minstret",
        0xf11 => "mvendorid",
        0xf12 => "marchid",
        0xf13 => "mimpid",
        0xf14 => "mhartid",
        _ => $"0x{number:x}",
    };
}
