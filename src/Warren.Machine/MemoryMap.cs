namespace Warren.Machines;

/// <summary>
/// Guest physical addresses and interrupt numbers of the board; where nothing speaks against it, those of QEMU's virt machine.
/// </summary>
public static class MemoryMap
{
    public const ulong Finisher = 0x10_0000;
    public const ulong Rtc = 0x10_1000;
    public const ulong Plic = 0xc00_0000;
    public const ulong Ram = 0x8000_0000;

    public const int RtcInterrupt = 11;

    /// <summary>UARTs a machine may have.</summary>
    public const int MaxUarts = 3;

    private const ulong FirstUart = 0x1000_0000;
    private const ulong UartStride = 0x1000;

    /// <summary>Base address of UART <paramref name="index"/>.</summary>
    public static ulong Uart(int index) => FirstUart + (ulong)index * UartStride;

    /// <summary>PLIC source of UART <paramref name="index"/>.</summary>
    public static int UartInterrupt(int index) => index == 0 ? 10 : 11 + index;
}
