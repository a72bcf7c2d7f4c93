using Warren.Hypervisor;

namespace Warren.Machines.Sbi;

/// <content>DBCN (SBI specification 2.0, chapter 12).</content>
internal sealed partial class SbiHandler
{
    /// <summary>Most bytes moved by one call: it may move fewer than asked, and the hart must get back to its slice.</summary>
    private const int MaxConsoleTransfer = 4096;

    private SbiResult DebugConsole(in SbiCall call)
    {
        switch (call.Function)
        {
            case 0:
            case 1:
                // Nothing at all may lie anywhere. Else the address is in two halves, and no memory lies where the upper one is needed.
                if (call.A0 == 0)
                    return SbiResult.Success;
                if (call.A2 != 0 || !platform.IsMemory(new Gpa(call.A1), call.A0))
                    return SbiResult.Fail(SbiError.InvalidParameter);
                var count = (int)Math.Min(call.A0, MaxConsoleTransfer);
                return call.Function == 0 ? ConsoleWrite(new Gpa(call.A1), count) : ConsoleRead(new Gpa(call.A1), count);
            case 2:
                return ConsoleWriteByte((byte)call.A0) ? SbiResult.Success : SbiResult.Fail(SbiError.Failed);
            default:
                return SbiResult.Fail(SbiError.NotSupported);
        }
    }

    private SbiResult ConsoleWrite(Gpa address, int count)
    {
        Span<byte> buffer = stackalloc byte[count];
        return platform.ReadMemory(address, buffer)
            ? SbiResult.Return((ulong)platform.ConsoleWrite(buffer))
            : SbiResult.Fail(SbiError.InvalidParameter);
    }

    private SbiResult ConsoleRead(Gpa address, int count)
    {
        Span<byte> buffer = stackalloc byte[count];
        var got = platform.ConsoleRead(buffer);
        return platform.WriteMemory(address, buffer[..got]) ? SbiResult.Return((ulong)got) : SbiResult.Fail(SbiError.Failed);
    }

    private bool ConsoleWriteByte(byte value) => platform.ConsoleWrite([value]) == 1;
}
