namespace Warren.RiscV;

/// <summary>The ISA extensions a hart may have; see <see cref="IsaExtensions"/> for what each is called and implies.</summary>
public enum Extension
{
    I,
    M,
    A,
    F,
    D,
    C,
    Zicbom,
    Zicboz,
    Zicntr,
    Zicsr,
    Zifencei,
    Zihintpause,
    Zawrs,
    Zba,
    Zbb,
    Zbs,
    Sstc,
    Svade,
    Svinval,
    Svnapot,
    Svpbmt,
}
