namespace Warren.RiscV.Csrs;

/// <summary>CSR numbers a supervisor-level hart has (privileged manual, "CSR Listing").</summary>
public static class Csr
{
    public const int Fflags = 0x001;
    public const int Frm = 0x002;
    public const int Fcsr = 0x003;
    public const int Sstatus = 0x100;
    public const int Sie = 0x104;
    public const int Stvec = 0x105;
    public const int Scounteren = 0x106;
    public const int Senvcfg = 0x10a;
    public const int Sscratch = 0x140;
    public const int Sepc = 0x141;
    public const int Scause = 0x142;
    public const int Stval = 0x143;
    public const int Sip = 0x144;
    public const int Stimecmp = 0x14d;
    public const int Satp = 0x180;
    public const int Cycle = 0xc00;
    public const int Time = 0xc01;
    public const int Instret = 0xc02;
}
