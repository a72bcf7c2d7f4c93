using Warren.Hypervisor;
using Warren.Machines.Scheduling;

namespace Warren.Machines.Sbi;

/// <summary>The machine under the SBI. Called on the calling hart's thread, outside of guest mode, with no lock held.</summary>
internal interface ISbiPlatform
{
    int HartCount { get; }

    /// <summary>True when all of a range of guest physical addresses is memory.</summary>
    bool IsMemory(Gpa address, ulong length);

    bool ReadMemory(Gpa address, Span<byte> target);

    bool WriteMemory(Gpa address, ReadOnlySpan<byte> bytes);

    /// <summary>The physical address a hart's loads would use for a virtual address now; false when there is none.</summary>
    bool TryTranslate(int hart, Gva virtualAddress, out Gpa physicalAddress);

    /// <summary>Sets a hart's timer, in timebase ticks.</summary>
    void SetTimer(int hart, ulong ticks);

    /// <summary>Sets or clears a hart's supervisor software interrupt.</summary>
    void SetSoftwareInterrupt(int hart, bool level);

    /// <summary>Executes a fence on every hart of the mask before it returns, or before the hart runs another instruction.</summary>
    void Fence(int caller, uint hartMask, in Fence fence);

    /// <summary>A hart was made to start: it must look at its state.</summary>
    void NotifyHart(int hart);

    /// <summary>Sends bytes to the console; returns how many it takes now.</summary>
    int ConsoleWrite(ReadOnlySpan<byte> bytes);

    /// <summary>Takes bytes from the console; returns how many there were.</summary>
    int ConsoleRead(Span<byte> target);

    /// <summary>Ends the machine.</summary>
    void Reset(SbiResetType type, bool systemFailure);
}
