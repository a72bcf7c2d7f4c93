using System.Buffers.Binary;
using Warren.Hypervisor;
using Warren.Machines.Scheduling;

namespace Warren.Machines.Sbi;

/// <content>The legacy extensions (SBI specification 2.0, chapter 5): the function id is ignored, only a0 changes.</content>
internal sealed partial class SbiHandler
{
    private SbiResult Legacy(int hart, in SbiCall call)
    {
        switch ((SbiExtension)call.Extension)
        {
            case SbiExtension.LegacySetTimer:
                platform.SetTimer(hart, call.A0);
                return SbiResult.LegacySuccess;
            case SbiExtension.LegacyConsolePutchar:
                return SbiResult.Legacy(ConsoleWriteByte((byte)call.A0) ? 0 : (long)SbiError.Failed);
            case SbiExtension.LegacyConsoleGetchar:
                Span<byte> one = stackalloc byte[1];
                return SbiResult.Legacy(platform.ConsoleRead(one) == 1 ? one[0] : -1);
            case SbiExtension.LegacyClearIpi:
                platform.SetSoftwareInterrupt(hart, false);
                return SbiResult.LegacySuccess;
            case SbiExtension.LegacyShutdown:
                platform.Reset(SbiResetType.Shutdown, systemFailure: false);
                return SbiResult.NoReturn;
        }
        if (!TryReadMask(hart, call.A0, out var targets))
            return SbiResult.Legacy((long)SbiError.InvalidAddress);
        switch ((SbiExtension)call.Extension)
        {
            case SbiExtension.LegacySendIpi:
                SendIpi(targets);
                break;
            case SbiExtension.LegacyRemoteFenceI:
                platform.Fence(hart, targets, new Fence(FenceKind.Instructions, 0, 0, -1));
                break;
            case SbiExtension.LegacyRemoteSfenceVma:
                platform.Fence(hart, targets, new Fence(FenceKind.Addresses, call.A1, call.A2, -1));
                break;
            default:
                platform.Fence(hart, targets, new Fence(FenceKind.Addresses, call.A1, call.A2, (ushort)call.A3));
                break;
        }
        return SbiResult.LegacySuccess;
    }

    /// <summary>The mask of harts is passed by virtual address; a null pointer means all.</summary>
    private bool TryReadMask(int hart, ulong pointer, out uint targets)
    {
        targets = (uint)((1UL << platform.HartCount) - 1);
        if (pointer == 0)
            return true;
        Span<byte> word = stackalloc byte[8];
        for (var i = 0; i < word.Length; i++)
        {
            // A byte at a time: the word may be misaligned and cross into another page.
            if (!platform.TryTranslate(hart, new Gva(pointer + (ulong)i), out var address)
                || !platform.ReadMemory(address, word.Slice(i, 1)))
            {
                return false;
            }
        }
        targets &= (uint)BinaryPrimitives.ReadUInt64LittleEndian(word);
        return true;
    }
}
