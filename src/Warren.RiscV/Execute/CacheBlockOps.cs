using System.Runtime.CompilerServices;
using Warren.Hypervisor;
using Warren.Hypervisor.Vcpus;
using Warren.RiscV.Blocks;
using Warren.RiscV.Core;
using Warren.RiscV.Csrs;
using Warren.RiscV.Mmu;

namespace Warren.RiscV.Execute;

/// <summary>
/// Zicbom and Zicboz on 64-byte blocks. The host keeps its caches coherent, so only the zeroing and the faults are left to do.
/// </summary>
internal static unsafe class CacheBlockOps
{
    private const ulong BlockMask = HartOptions.CacheBlockSize - 1;

    [MethodImpl(Flow.Compiled)]
    internal static void Invalidate(HartState* h, Op* op, long budget)
    {
        if (Allowed(h, Senvcfg.CbieMask))
        {
            Manage(h, op, budget);
            return;
        }

        Flow.Illegal(h, op, budget);
    }

    /// <summary>CBO.CLEAN and CBO.FLUSH.</summary>
    [MethodImpl(Flow.Compiled)]
    internal static void Clean(HartState* h, Op* op, long budget)
    {
        if (Allowed(h, Senvcfg.Cbcfe))
        {
            Manage(h, op, budget);
            return;
        }

        Flow.Illegal(h, op, budget);
    }

    [MethodImpl(Flow.Compiled)]
    internal static void Zero(HartState* h, Op* op, long budget)
    {
        if (!Allowed(h, Senvcfg.Cbze))
        {
            Flow.Illegal(h, op, budget);
            return;
        }

        var address = HartState.Reg(h, op->A) & ~BlockMask;
        var entry = SoftTlb.WriteEntry(h, address);
        if (SoftTlb.Hits(entry, address, 1))
        {
            Clear((byte*)(address + entry->Addend));
            op++;
            op->Run(h, op, budget);
            return;
        }

        // A fault reports rs1 as it is, not the block's address (CMO specification, 2.5.3).
        h->Continue.AtomicMissed(h, op, budget, HartState.Reg(h, op->A), 1, GuestAccess.Write);
    }

    // Any access right will do; a page that can be read is the one way to have any. What is refused counts as a store.
    [MethodImpl(Flow.Inline)]
    private static void Manage(HartState* h, Op* op, long budget)
    {
        var epoch = h->FlushEpoch;
        if (IsReachable(h, op, budget))
            Flow.Resume(h, op + 1, budget, epoch);
    }

    private static bool Allowed(HartState* h, ulong bits) => h->Mode == PrivilegeMode.Supervisor || (h->Senvcfg & bits) != 0;

    private static void Clear(byte* block) => new Span<byte>(block, HartOptions.CacheBlockSize).Clear();

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool IsReachable(HartState* h, Op* op, long budget)
    {
        var status = h->Hart.Memory.Pointer(new Gva(HartState.Reg(h, op->A)), GuestAccess.Read, out _);
        if (status == AccessStatus.Ok)
            return true;

        Flow.Fail(h, op, budget, status, GuestAccess.Write);
        return false;
    }
}
