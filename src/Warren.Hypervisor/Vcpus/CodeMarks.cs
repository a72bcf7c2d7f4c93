using Warren.HostMemory;
using Warren.Hypervisor.Paging;
using Warren.Locking;

namespace Warren.Hypervisor.Vcpus;

/// <summary>
/// Which frames hold code that some engine has decoded: bit 0 of <see cref="FrameInfo.CodeState"/>, with a generation above it. A marked
/// frame is not written through any cached translation: whoever translates it for writing clears the mark and steps the generation first.
/// </summary>
/// <remarks>
/// Marking sets the bit, then has every vCPU drop its translations if one may hold a write entry from before
/// (<see cref="WriteTranslated"/>); only then may the bit be relied on. In between (<c>_marking</c> is not 0) other vCPUs that meet the bit
/// come here and wait, too. The state belongs to the frame, and a frame may be shared by several VMs of the process, but only read-only:
/// none of the others can hold a write entry for it. Becoming exclusive again does not matter either, since each translation for writing
/// looks at the mark. Two VMs over one writable address space must not execute what the other writes.
/// </remarks>
internal sealed unsafe class CodeMarks
{
    /// <summary>
    /// Bit of <see cref="FrameInfo.Flags"/>: some vCPU translated the frame for writing since it was allocated or last marked.
    /// </summary>
    private const int WriteTranslated = 1;

    private readonly VirtualMachine _vm;
    private readonly Mutex _lock = new(HypervisorLocks.CodeMarks);
    private int _marking;

    public CodeMarks(VirtualMachine vm) => _vm = vm;

    /// <summary>In guest mode, before an entry for writing is used: code decoded from the frame so far is void.</summary>
    public static void BeforeGuestWrites(ref FrameInfo info)
    {
        // A full barrier before the look at the mark, as Mark has one before its look at this flag: one of the two sees the other.
        if ((Atomics.Read(ref info.Flags) & WriteTranslated) == 0) Atomics.Or(ref info.Flags, WriteTranslated);
        ClearMark(ref info);
    }

    private static void ClearMark(ref FrameInfo info)
    {
        for (; ; )
        {
            var state = Atomics.Read(ref info.CodeState);
            // Odd + 1: the bit goes, the generation above it steps.
            if ((state & 1) == 0 || Atomics.CompareExchange(ref info.CodeState, state + 1, state) == state) return;
        }
    }

    /// <summary>
    /// After a device or the hypervisor wrote to the frame. After, not before: a vCPU that marks and decodes in between has read the old
    /// bytes, and its mark is found here; the barrier makes sure that one of the two sees the other.
    /// </summary>
    public static void AfterHostWrite(FramePool pool, Pfn pfn)
    {
        Atomics.Fence();
        ClearMark(ref pool.Info(pfn));
    }

    /// <summary>
    /// In guest mode: whether the frame is marked and every write entry from before is gone; then the version decoded code carries.
    /// </summary>
    public bool IsMarked(ref FrameInfo info, out int version)
    {
        version = Atomics.Read(ref info.CodeState);
        return (version & 1) != 0 && Atomics.Read(ref _marking, this) == 0;
    }

    /// <summary>
    /// Marks the frame that a page maps to now, outside guest mode, and waits until no vCPU holds a write entry for it.
    /// </summary>
    /// <param name="vcpu">whose root to look in; not in guest mode</param>
    /// <param name="rootPage">the page to be executed: its root address (<see cref="Mmu"/>) without the 12 bits of the offset</param>
    /// <param name="pfn">none when nothing is mapped there any more</param>
    /// <param name="version">the state with the mark</param>
    public void Mark(Vcpu vcpu, ulong rootPage, out Pfn pfn, out int version)
    {
        _lock.Lock();
        var flush = false;
        version = 0;
        // Held so that the frame cannot be freed, and mean something else, between the look at the SPTE and the mark.
        _vm.MmuLock.ReadLock();
        pfn = Pfn.None;
        // What hangs in an obsolete root is freed by holders of mmu_lock for read.
        if (!vcpu.HasNoRoot && !_vm.Mmu.IsObsolete(vcpu.Root)
            && Mmu.FindLeaf(vcpu.Root, vcpu.RootLevel, rootPage, out var leaf, out _) != null)
        {
            pfn = leaf.Pfn + (leaf.IsHuge ? (int)rootPage & SpteTable.EntryCount - 1 : 0);
            ref var info = ref _vm.Pool.Info(pfn);
            version = Atomics.Read(ref info.CodeState);
            if ((version & 1) == 0)
            {
                Atomics.Write(ref _marking, 1, this);
                version = Atomics.Or(ref info.CodeState, 1) | 1;
                // Who still meets the flag is in guest mode, and out of it before the flush returns.
                flush = (Atomics.Read(ref info.Flags) & WriteTranslated) != 0;
                if (flush) Atomics.And(ref info.Flags, ~WriteTranslated);
            }
        }
        _vm.MmuLock.ReadUnlock();
        if (flush) _vm.FlushRemoteTlbs();
        Atomics.Write(ref _marking, 0, this);
        _lock.Unlock();
    }
}
