namespace Warren.RiscV.Csrs;

/// <summary>CSR numbers a supervisor-level hart has (privileged manual, "CSR Listing").</summary>
internal static class Csr
{
    internal const int Fflags = 0x001;
    internal const int Frm = 0x002;
    internal const int Fcsr = 0x003;
    internal const int Sstatus = 0x100;
    internal const int Sie = 0x104;
    internal const int Stvec = 0x105;
    internal const int Scounteren = 0x106;
    internal const int Senvcfg = 0x10a;
    internal const int Sscratch = 0x140;
    internal const int Sepc = 0x141;
    internal const int Scause = 0x142;
    internal const int Stval = 0x143;
    internal const int Sip = 0x144;
    internal const int Stimecmp = 0x14d;
    internal const int Satp = 0x180;
    internal const int Cycle = 0xc00;
    internal const int Time = 0xc01;
    internal const int Instret = 0xc02;
}
