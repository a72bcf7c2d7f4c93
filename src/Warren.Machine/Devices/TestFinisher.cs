using Warren.Hypervisor;

namespace Warren.Machines.Devices;

/// <summary>How a guest asked for the end through the test finisher.</summary>
public enum FinisherRequest
{
    Pass,
    Fail,
    Reset,
}

/// <summary>
/// The "sifive,test1" finisher: a 32-bit register at offset 0 takes 0x5555 (pass: power off), 0x3333 with a code in the upper half
/// (fail) or 0x7777 (reset). Any other write does nothing.
/// </summary>
public sealed class TestFinisher(Action<FinisherRequest, int> request) : IMmioDevice
{
    /// <summary>Length of the register window, in bytes.</summary>
    public const ulong WindowSize = 0x1000;

    public string Name => "finisher";

    public ulong Read(ulong offset, int size) => 0;

    public void Write(ulong offset, int size, ulong value)
    {
        if (offset != 0 || size < 2)
            return;
        switch ((ushort)value)
        {
            case 0x5555:
                request(FinisherRequest.Pass, 0);
                break;
            case 0x3333:
                request(FinisherRequest.Fail, size >= 4 ? (ushort)(value >> 16) : 0);
                break;
            case 0x7777:
                request(FinisherRequest.Reset, 0);
                break;
        }
    }
}
