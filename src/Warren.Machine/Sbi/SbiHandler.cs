using Warren.Machines.Scheduling;
using Interlocked = System.Threading.Interlocked;
using Volatile = System.Threading.Volatile;

namespace Warren.Machines.Sbi;

/// <summary>
/// The supervisor binary interface, version 2.0, that Warren gives its guests in place of M-mode firmware: BASE, TIME, IPI, RFENCE, HSM,
/// SRST, DBCN, SUSP and the legacy calls 0x00 to 0x08. Everything else is answered "not supported". Nothing a guest passes makes a
/// call throw.
/// </summary>
internal sealed partial class SbiHandler(ISbiPlatform platform, HartStates harts)
{
    private const ulong SpecificationVersion = 2 << 24;

    /// <summary>Not assigned in the specification's list of implementations (table 4).</summary>
    private const ulong ImplementationId = 0x5752_4e00;

    private const ulong ImplementationVersion = 1;

    /// <summary>Calls handled so far, of every extension.</summary>
    public long Calls => Volatile.Read(ref _calls);

    private long _calls;

    /// <summary>Handles a call of <paramref name="hart"/>.</summary>
    public SbiResult Handle(int hart, in SbiCall call)
    {
        Interlocked.Increment(ref _calls);
        switch ((SbiExtension)call.Extension)
        {
            case SbiExtension.Base:
                return Base(in call);
            case SbiExtension.Time when call.Function == 0:
                platform.SetTimer(hart, call.A0);
                return SbiResult.Success;
            case SbiExtension.Ipi when call.Function == 0:
                return SendIpi(call.A0, call.A1);
            case SbiExtension.RemoteFence:
                return RemoteFence(hart, in call);
            case SbiExtension.HartState:
                return HartStateManagement(hart, in call);
            case SbiExtension.SystemReset when call.Function == 0:
                return SystemReset(call.A0, call.A1);
            case SbiExtension.DebugConsole:
                return DebugConsole(in call);
            case SbiExtension.SystemSuspend when call.Function == 0:
                return SystemSuspend(hart, in call);
            case <= SbiExtension.LegacyShutdown:
                return Legacy(hart, in call);
            default:
                return SbiResult.Fail(SbiError.NotSupported);
        }
    }

    private static bool IsImplemented(ulong extension) => (SbiExtension)extension is <= SbiExtension.LegacyShutdown or SbiExtension.Base
        or SbiExtension.Time or SbiExtension.Ipi or SbiExtension.RemoteFence or SbiExtension.HartState or SbiExtension.SystemReset
        or SbiExtension.DebugConsole or SbiExtension.SystemSuspend;

    private static SbiResult Base(in SbiCall call) => call.Function switch
    {
        0 => SbiResult.Return(SpecificationVersion),
        1 => SbiResult.Return(ImplementationId),
        2 => SbiResult.Return(ImplementationVersion),
        3 => SbiResult.Return(IsImplemented(call.A0) ? 1u : 0u),
        // mvendorid, marchid, mimpid: zero keeps a guest off every vendor's errata path.
        4 or 5 or 6 => SbiResult.Return(0),
        _ => SbiResult.Fail(SbiError.NotSupported),
    };

    /// <summary>The harts a mask and its base name; false when one of them does not exist.</summary>
    private bool TryHarts(ulong mask, ulong maskBase, out uint targets)
    {
        var all = (uint)((1UL << platform.HartCount) - 1);
        targets = all;
        if (maskBase == ulong.MaxValue)
            return true;
        targets = 0;
        if (mask == 0)
            return true;
        if (maskBase >= (ulong)platform.HartCount)
            return false;
        var shift = (int)maskBase;
        targets = (uint)(mask << shift) & all;
        return targets >> shift == mask;
    }

    private SbiResult SendIpi(ulong mask, ulong maskBase)
    {
        if (!TryHarts(mask, maskBase, out var targets))
            return SbiResult.Fail(SbiError.InvalidParameter);
        SendIpi(targets);
        return SbiResult.Success;
    }

    private void SendIpi(uint targets)
    {
        for (var i = 0; i < platform.HartCount; i++)
        {
            if ((targets >> i & 1) != 0 && harts[i] != HsmState.Stopped)
                platform.SetSoftwareInterrupt(i, true);
        }
    }

    private SbiResult RemoteFence(int hart, in SbiCall call)
    {
        if (call.Function > 2)
            return SbiResult.Fail(SbiError.NotSupported);
        if (!TryHarts(call.A0, call.A1, out var targets))
            return SbiResult.Fail(SbiError.InvalidParameter);
        var fence = call.Function switch
        {
            0 => new Fence(FenceKind.Instructions, 0, 0, -1),
            1 => new Fence(FenceKind.Addresses, call.A2, call.A3, -1),
            _ => new Fence(FenceKind.Addresses, call.A2, call.A3, (ushort)call.A4),
        };
        if (call.Function == 2 && call.A4 > ushort.MaxValue)
            return SbiResult.Fail(SbiError.InvalidParameter);
        platform.Fence(hart, targets, in fence);
        return SbiResult.Success;
    }

    private SbiResult SystemReset(ulong type, ulong reason)
    {
        // Both are 32-bit parameters; types and reasons beyond the standard ones are reserved or other vendors'.
        if ((uint)type > (uint)SbiResetType.WarmReboot || (uint)reason > 1)
            return SbiResult.Fail(SbiError.InvalidParameter);
        platform.Reset((SbiResetType)(uint)type, (uint)reason == 1);
        return SbiResult.NoReturn;
    }
}
