namespace Warren.RiscV;

/// <summary>Synchronous <c>scause</c> values that S mode can see (privileged manual, table of supervisor cause values).</summary>
public enum ExceptionCause
{
    InstructionAddressMisaligned = 0,
    InstructionAccessFault = 1,
    IllegalInstruction = 2,
    Breakpoint = 3,
    LoadAddressMisaligned = 4,
    LoadAccessFault = 5,
    StoreAddressMisaligned = 6,
    StoreAccessFault = 7,
    UserEnvironmentCall = 8,
    SupervisorEnvironmentCall = 9,
    InstructionPageFault = 12,
    LoadPageFault = 13,
    StorePageFault = 15,
}
