using System.Diagnostics;
using Warren.Hypervisor.Tracing;
using Warren.Hypervisor.Vcpus;
using Warren.Locking;

namespace Warren.Hypervisor.Paging;

/// <summary>Zapping everything (<c>kvm_mmu_zap_all_fast</c>), in the steps that both kinds of tables share.</summary>
internal abstract unsafe partial class Mmu
{
    /// <summary>
    /// Rounds for which who drops mmu_lock in the middle of its work gives way to those who wait: it would mostly win the lock back
    /// otherwise.
    /// </summary>
    private const int GiveWayRounds = 8;

    /// <summary>
    /// Zaps everything in O(1) plus bounded work: makes all that exists obsolete, has every vCPU let go of it, then frees it with lock
    /// breaks. vCPUs that keep faulting build anew, so the work is what existed at the start. SlotsLock held for the whole call: what is
    /// obsolete is always of one zap only; may sleep.
    /// </summary>
    public void ZapAllFast()
    {
        _mmuLock.WriteLock();
        var since = Stopwatch.GetTimestamp();
        var any = InvalidateAll();
        var vcpus = _vm.VcpuArray;
        var sections = stackalloc ulong[vcpus.Length];
        // After the roots are marked, and before anybody can build anew: who meets what another vCPU does with new tables has been asked
        // itself.
        if (any) VirtualMachine.PostRequest(vcpus, VcpuRequest.FreeObsoleteRoots, sections);
        NoteHold(since);
        _mmuLock.WriteUnlock();
        _counters.FastZaps++;
        if (KvmEvents.Log.IsEnabled()) KvmEvents.Log.ZapAllFast(_counters.FastZaps);
        if (!any) return;
        // With mmu_lock free: a vCPU whose thread is off the CPU takes its time. When this returns none in guest mode can reach what is
        // obsolete, and none enters before it has let go of it.
        _vm.AwaitRequest(vcpus, sections);
        ZapObsolete();
    }

    /// <summary>
    /// Makes all that exists obsolete, so that nothing is built on it any more, in one step that does not depend on how much there is.
    /// mmu_lock held for write. False: there is nothing.
    /// </summary>
    internal abstract bool InvalidateAll();

    /// <summary>
    /// Frees what <see cref="InvalidateAll"/> left, which no vCPU reaches. No spinning lock held; takes mmu_lock for short stretches.
    /// </summary>
    internal abstract void ZapObsolete();

    /// <summary>A zap lets go of mmu_lock, which it has held since the given <see cref="Stopwatch"/> timestamp.</summary>
    protected void NoteHold(long since)
    {
        var held = Stopwatch.GetTimestamp() - since;
        if (held > _counters.LongestZapHold) _counters.LongestZapHold = held;
    }

    /// <summary>Drops mmu_lock, held for write, for a moment, long enough for one who waits to get it.</summary>
    protected void BreakWrite()
    {
        _mmuLock.WriteUnlock();
        _counters.Yields++;
        SpinState spin = default;
        for (var i = 0; i < GiveWayRounds && _mmuLock.IsContended; i++) Cpu.Relax(ref spin);
        _mmuLock.WriteLock();
    }
}
