using System.Globalization;
using Warren.RiscV;

namespace Warren.Machines;

/// <summary>A hart that takes one exception for ever.</summary>
/// <param name="Hart">Which.</param>
/// <param name="Retired">Instructions it had retired: no two loops of a hart have the same.</param>
/// <param name="First">What it began with.</param>
/// <param name="Last">What is repeated: nearly always the fetch of the trap handler's first instruction.</param>
internal sealed record TrapLoop(int Hart, ulong Retired, GuestException First, GuestException Last)
{
    /// <summary>One sentence for a user.</summary>
    public override string ToString()
    {
        var loop = $"Hart {Hart} can never go on: after {Describe(First)} it takes {Describe(Last)}, where stvec points, for ever";
        return First.Cause == ExceptionCause.IllegalInstruction && MachineModeInstruction.Name((uint)First.Value) is not null
            ? $"{loop}; the program seems to need machine mode, which Warren plays itself (it provides SBI): build it for S-mode."
            : $"{loop}; point stvec at a handler before anything can trap.";
    }

    private static string Describe(GuestException exception)
    {
        var where = string.Create(CultureInfo.InvariantCulture, $"at 0x{exception.Pc:x}");
        return exception.Cause switch
        {
            ExceptionCause.IllegalInstruction when MachineModeInstruction.Name((uint)exception.Value) is { } name
                => $"the machine-mode instruction '{name}' {where}",
            ExceptionCause.IllegalInstruction => $"an illegal instruction (0x{exception.Value:x}) {where}",
            ExceptionCause.Breakpoint => $"a breakpoint {where}",
            ExceptionCause.UserEnvironmentCall => $"an environment call {where}",
            ExceptionCause.InstructionAccessFault => $"an instruction access fault {where}",
            ExceptionCause.InstructionPageFault => $"an instruction page fault {where}",
            _ => $"a {Words(exception.Cause)} for 0x{exception.Value:x} {where}",
        };
    }

    private static string Words(ExceptionCause cause) => cause switch
    {
        ExceptionCause.LoadAddressMisaligned => "misaligned load",
        ExceptionCause.StoreAddressMisaligned => "misaligned store",
        ExceptionCause.LoadAccessFault => "load access fault",
        ExceptionCause.StoreAccessFault => "store access fault",
        ExceptionCause.LoadPageFault => "load page fault",
        _ => "store page fault",
    };
}
