using Warren.Hypervisor;
using Warren.Hypervisor.Vcpus;
using Warren.RiscV.Mmu;

namespace Warren.RiscV;

/// <content>
/// Fences and new roots. On a VM whose MMU shadows the guest's tables the hypervisor hears of each before the hart drops its own
/// translations: at once when the hart is executing, else before its next instruction.
/// </content>
public sealed unsafe partial class Hart
{
    /// <summary>More pages than this are fenced as everything.</summary>
    private const ulong ManyPages = 64;

    /// <summary>Pages of a Svnapot leaf, 64 KiB, whose entries are all fenced by the address of any.</summary>
    private const ulong NapotPages = 16;

    // The vCPU while it executes here and its VM shadows the guest's tables; null otherwise.
    private Vcpu? _shadow;

    // What was fenced while the hart was not executing: a range of addresses, or everything.
    private Gva _fencedStart;
    private ulong _fencedBytes;
    private bool _fencedAll;

    /// <inheritdoc/>
    public IGuestPageFormat PageFormat => _walker.Format;

    /// <inheritdoc/>
    public GuestWalkStatus WalkGuest(Vcpu vcpu, Gva address, GuestAccess access, GuestPrivilege mode, ref GuestWalk walk)
        => _walker.Walk(vcpu, address, access, mode, ref walk);

    /// <summary>
    /// A remote SFENCE.VMA on this hart, on its own thread: for <paramref name="size"/> bytes from <paramref name="address"/>, or
    /// everything when both are 0 or the size is all ones. <paramref name="asid"/> (-1: all) can be ignored, as no two share the TLB, and a
    /// shadow root is brought up to date whenever it is loaded.
    /// </summary>
    public void FlushGuestTlb(Gva address, ulong size, int asid)
    {
        _ = asid;
        var pages = (size >> SoftTlb.PageShift) + 2;
        if (size == ulong.MaxValue || (address.Value | size) == 0 || pages > ManyPages)
        {
            _fencedAll = true;
            FlushTranslations();
            return;
        }

        _fencedAll |= _fencedBytes != 0;
        _fencedStart = address;
        _fencedBytes = size;
        for (var page = address.PageStart; page - address.PageStart < size + address.PageOffset; page += 4096)
            DropPage(page);
    }

    /// <summary>SFENCE.VMA without an address.</summary>
    internal void FenceAll()
    {
        _shadow?.SyncGuest();
        FlushTranslations();
    }

    /// <summary>SFENCE.VMA of one address.</summary>
    internal void FencePage(Gva address)
    {
        _shadow?.InvalidateGuestPage(address);
        DropPage(address);
    }

    /// <summary>satp has changed.</summary>
    internal void RootChanged()
    {
        _shadow?.SetGuestRoot(_walker.Root);
        // Only the ASID may have changed: a number that was never used needs no fence, and the root is not loaded again.
        _shadow?.SyncGuest();
        FlushTranslations();
    }

    /// <summary>Before the first instruction of a run: brings the shadow to where the hart is.</summary>
    private void AttachShadow(Vcpu vcpu)
    {
        _shadow = vcpu;
        vcpu.SetGuestRoot(_walker.Root);
        if (_fencedAll)
        {
            vcpu.SyncGuest();
        }
        else if (_fencedBytes != 0)
        {
            for (ulong offset = 0; offset < _fencedBytes + _fencedStart.PageOffset; offset += 4096)
                vcpu.InvalidateGuestPage(_fencedStart.PageStart + offset);
        }

        _fencedAll = false;
        _fencedBytes = 0;
    }

    /// <summary>
    /// Drops what the page's guest entry may have filled. A shadow fill does not know the size of the guest's leaf: a superpage's entry is
    /// write-protected and its change flushes everything, which leaves 64 KiB leaves.
    /// </summary>
    private void DropPage(Gva address)
    {
        if (!_secondStage.IsShadowed)
        {
            FlushPage(address);
            return;
        }

        var first = address.AlignDown(NapotPages << SoftTlb.PageShift);
        for (ulong i = 0; i < NapotPages; i++)
            FlushPage(first + (i << SoftTlb.PageShift));
    }
}
