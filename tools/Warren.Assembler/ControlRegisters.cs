namespace Warren.Asm;

/// <summary>CSR names and numbers (privileged specification, chapter 2; unprivileged: Zicsr, F, Zicntr, Zihpm).</summary>
internal static class ControlRegisters
{
    private static readonly Dictionary<string, uint> Numbers = Build();

    public static bool TryGet(string name, out uint number) => Numbers.TryGetValue(name, out number);

    private static Dictionary<string, uint> Build()
    {
        var csrs = new Dictionary<string, uint>(StringComparer.Ordinal)
        {
            // Unprivileged
            ["fflags"] = 0x001,
            ["frm"] = 0x002,
            ["fcsr"] = 0x003,
            ["cycle"] = 0xc00,
            ["time"] = 0xc01,
            ["instret"] = 0xc02,
            // Supervisor
            ["sstatus"] = 0x100,
            ["sie"] = 0x104,
            ["stvec"] = 0x105,
            ["scounteren"] = 0x106,
            ["senvcfg"] = 0x10a,
            ["sscratch"] = 0x140,
            ["sepc"] = 0x141,
            ["scause"] = 0x142,
            ["stval"] = 0x143,
            ["sip"] = 0x144,
            ["stimecmp"] = 0x14d,
            ["siselect"] = 0x150,
            ["sireg"] = 0x151,
            ["stopei"] = 0x15c,
            ["satp"] = 0x180,
            ["scontext"] = 0x5a8,
            ["stopi"] = 0xdb0,
            ["scountovf"] = 0xda0,
            // Hypervisor and virtual supervisor: for tests that they are absent
            ["vsstatus"] = 0x200,
            ["vsie"] = 0x204,
            ["vstvec"] = 0x205,
            ["vsatp"] = 0x280,
            ["hstatus"] = 0x600,
            ["hedeleg"] = 0x602,
            ["hideleg"] = 0x603,
            ["hie"] = 0x604,
            ["hcounteren"] = 0x606,
            ["htval"] = 0x643,
            ["hip"] = 0x644,
            ["hvip"] = 0x645,
            ["htinst"] = 0x64a,
            ["hgatp"] = 0x680,
            ["hgeip"] = 0xe12,
            // Machine: for tests that they trap
            ["mvendorid"] = 0xf11,
            ["marchid"] = 0xf12,
            ["mimpid"] = 0xf13,
            ["mhartid"] = 0xf14,
            ["mconfigptr"] = 0xf15,
            ["mstatus"] = 0x300,
            ["misa"] = 0x301,
            ["medeleg"] = 0x302,
            ["mideleg"] = 0x303,
            ["mie"] = 0x304,
            ["mtvec"] = 0x305,
            ["mcounteren"] = 0x306,
            ["menvcfg"] = 0x30a,
            ["mcountinhibit"] = 0x320,
            ["mscratch"] = 0x340,
            ["mepc"] = 0x341,
            ["mcause"] = 0x342,
            ["mtval"] = 0x343,
            ["mip"] = 0x344,
            ["mseccfg"] = 0x747,
            ["tselect"] = 0x7a0,
            ["dcsr"] = 0x7b0,
            ["dpc"] = 0x7b1,
            ["mcycle"] = 0xb00,
            ["minstret"] = 0xb02,
        };
        for (uint i = 0; i < 4; i++)
            csrs.Add($"sstateen{i}", 0x10c + i);
        for (uint i = 3; i < 32; i++)
        {
            csrs.Add($"hpmcounter{i}", 0xc00 + i);
            csrs.Add($"mhpmcounter{i}", 0xb00 + i);
            csrs.Add($"mhpmevent{i}", 0x320 + i);
        }
        for (uint i = 0; i < 16; i += 2)
            csrs.Add($"pmpcfg{i}", 0x3a0 + i);
        for (uint i = 0; i < 64; i++)
            csrs.Add($"pmpaddr{i}", 0x3b0 + i);
        return csrs;
    }
}
