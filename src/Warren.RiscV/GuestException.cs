namespace Warren.RiscV;

/// <summary>An exception that a hart took.</summary>
/// <param name="Cause">What <c>scause</c> said.</param>
/// <param name="Pc">The instruction's address: <c>sepc</c>.</param>
/// <param name="Value"><c>stval</c>: an address, or the encoding of an illegal instruction.</param>
public readonly record struct GuestException(ExceptionCause Cause, ulong Pc, ulong Value);
