using Warren.Hypervisor;

namespace Warren.Machines.Sbi;

/// <content>HSM and SUSP (SBI specification 2.0, chapters 9 and 13).</content>
internal sealed partial class SbiHandler
{
    private const uint DefaultRetentive = 0;
    private const uint DefaultNonRetentive = 0x8000_0000;

    private SbiResult HartStateManagement(int hart, in SbiCall call) => call.Function switch
    {
        0 => StartHart(call.A0, call.A1, call.A2),
        1 => StopHart(hart),
        2 => call.A0 < (ulong)harts.Count
            ? SbiResult.Return((ulong)harts[(int)call.A0])
            : SbiResult.Fail(SbiError.InvalidParameter),
        3 => SuspendHart(hart, (uint)call.A0, call.A1, call.A2),
        _ => SbiResult.Fail(SbiError.NotSupported),
    };

    private SbiResult StartHart(ulong hart, ulong address, ulong opaque)
    {
        if (hart >= (ulong)harts.Count)
            return SbiResult.Fail(SbiError.InvalidParameter);
        if (!IsStartAddress(address))
            return SbiResult.Fail(SbiError.InvalidAddress);
        // What a hart's former life left pending is gone; what it is sent from now on is kept until it runs.
        if (harts[(int)hart] == HsmState.Stopped)
            platform.SetSoftwareInterrupt((int)hart, false);
        var error = harts.Start((int)hart, new HartEntry(address, opaque));
        if (error != SbiError.Success)
            return SbiResult.Fail(error);
        platform.NotifyHart((int)hart);
        return SbiResult.Success;
    }

    private SbiResult StopHart(int hart)
    {
        harts.Stop(hart);
        return SbiResult.NoReturn;
    }

    private SbiResult SuspendHart(int hart, uint type, ulong address, ulong opaque)
    {
        switch (type)
        {
            case DefaultRetentive:
                harts.Suspend(hart, null);
                return SbiResult.Suspend;
            case DefaultNonRetentive:
                if (!IsStartAddress(address))
                    return SbiResult.Fail(SbiError.InvalidAddress);
                harts.Suspend(hart, new HartEntry(address, opaque));
                return SbiResult.NoReturn;
            default:
                // Reserved, or in a range left to platforms, in which this one has nothing.
                return SbiResult.Fail(SbiError.InvalidParameter);
        }
    }

    /// <summary>Suspend to RAM: what is left running is one hart, which waits for an interrupt.</summary>
    private SbiResult SystemSuspend(int hart, in SbiCall call)
    {
        if ((uint)call.A0 != 0)
            return SbiResult.Fail(SbiError.InvalidParameter);
        if (!harts.IsAlone(hart))
            return SbiResult.Fail(SbiError.Denied);
        if (!IsStartAddress(call.A1))
            return SbiResult.Fail(SbiError.InvalidAddress);
        harts.Suspend(hart, new HartEntry(call.A1, call.A2));
        return SbiResult.NoReturn;
    }

    private bool IsStartAddress(ulong address) => (address & 1) == 0 && platform.IsMemory(new Gpa(address), 2);
}
