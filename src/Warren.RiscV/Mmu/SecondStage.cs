using System.Runtime.InteropServices;
using Warren.Hypervisor;
using Warren.Hypervisor.Vcpus;

namespace Warren.RiscV.Mmu;

/// <summary>
/// The hart's way to its vCPU: guest-physical accesses of the walker, and translations. Keeps host pointers of the pages that hold page
/// tables (256, direct-mapped), dropped at every <see cref="IVcpuEngine.FlushTlb"/>, so that a walk costs loads and not second-stage walks.
/// </summary>
internal sealed unsafe class SecondStage : IDisposable
{
    private const int Entries = 256;

    private readonly TlbEntry* _pages = (TlbEntry*)NativeMemory.AlignedAlloc(Entries * 16, 64);

    internal SecondStage() => Flush();

    /// <summary>The vCPU whose second stage translates; set for the time of a run.</summary>
    internal Vcpu? Vcpu { get; private set; }

    /// <summary>
    /// True when the VM shadows the guest's tables: then there is no second stage, and <see cref="Vcpu.TranslateVirtual"/> does all.
    /// </summary>
    internal bool IsShadowed { get; private set; }

    /// <summary>A run begins.</summary>
    internal void Attach(Vcpu vcpu)
    {
        Vcpu = vcpu;
        IsShadowed = vcpu.ShadowsGuestTables;
    }

    /// <summary>Drops the kept pointers.</summary>
    internal void Flush() => new Span<byte>(_pages, Entries * 16).Fill(0xff);

    /// <summary>
    /// Host address of the readable <paramref name="address"/>, good until the next second-stage call or the end of the run.
    /// </summary>
    internal AccessStatus ReadPointer(Gpa address, out byte* host)
    {
        var page = address.Value & SoftTlb.PageMask;
        var entry = _pages + (page >> SoftTlb.PageShift & (Entries - 1));
        if (entry->Tag == page)
        {
            host = (byte*)(address.Value + entry->Addend);
            return AccessStatus.Ok;
        }

        var status = Translate(address, GuestAccess.Read, out var translation);
        host = translation.HostPage + address.PageOffset;
        if (status == AccessStatus.Ok)
        {
            entry->Tag = page;
            entry->Addend = (ulong)translation.HostPage - page;
        }

        return status;
    }

    /// <summary>Exchanges the aligned doubleword at <paramref name="address"/>, marking its page written.</summary>
    internal AccessStatus CompareExchange(Gpa address, ulong expected, ulong value, out bool exchanged)
    {
        exchanged = false;
        var status = Translate(address, GuestAccess.Write, out var translation);
        if (status == AccessStatus.Ok)
        {
            var cell = (ulong*)(translation.HostPage + address.PageOffset);
            exchanged = Interlocked.CompareExchange(ref *cell, value, expected) == expected;
        }

        return status;
    }

    /// <summary>Translates where only memory will do.</summary>
    internal AccessStatus Translate(Gpa address, GuestAccess access, out Translation translation)
        => OfMemory(Vcpu!.Translate(address, access, out translation));

    /// <summary>
    /// Translates a virtual address where the VM shadows the guest's tables. Anything but memory comes back as it is: MMIO as a null host
    /// page, with the physical address.
    /// </summary>
    internal AccessStatus TranslateVirtual(Gva address, GuestAccess access, GuestPrivilege mode, out Translation translation,
        out Gpa physical)
        => Vcpu!.TranslateVirtual(address, access, mode, out translation, out physical) switch
        {
            TranslateStatus.Memory => AccessStatus.Ok,
            TranslateStatus.Mmio => access == GuestAccess.Execute ? AccessStatus.AccessFault : AccessStatus.Ok,
            TranslateStatus.PageFault => AccessStatus.PageFault,
            TranslateStatus.Tracked => AccessStatus.Tracked,
            TranslateStatus.Stopped => AccessStatus.Stopped,
            _ => AccessStatus.AccessFault,
        };

    /// <summary>Stores to a shadowed table; naturally aligned.</summary>
    internal AccessStatus WriteTracked(Gpa physical, int size, ulong value) => OfMemory(Vcpu!.WriteTracked(physical, size, value));

    /// <summary>Exchanges a doubleword of a shadowed table, if <paramref name="found"/> is as expected.</summary>
    internal AccessStatus CompareExchangeTracked(Gpa physical, ulong expected, ulong value, out ulong found)
        => OfMemory(Vcpu!.CompareExchangeTracked(physical, expected, value, out found));

    public void Dispose() => NativeMemory.AlignedFree(_pages);

    private static AccessStatus OfMemory(TranslateStatus status) => status switch
    {
        TranslateStatus.Memory => AccessStatus.Ok,
        TranslateStatus.Stopped => AccessStatus.Stopped,
        _ => AccessStatus.AccessFault,
    };
}
