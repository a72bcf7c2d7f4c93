using System.Runtime.CompilerServices;
using Warren.Hypervisor;
using Warren.RiscV.Blocks;
using Warren.RiscV.Core;

namespace Warren.RiscV.Execute;

/// <summary>Environment, fence, and translation-fence instructions. Those that may change what is fetched next end their block.</summary>
internal static unsafe class SystemOps
{
    [MethodImpl(Flow.Compiled)]
    internal static void Nop(HartState* h, Op* op, long budget)
    {
        op++;
        op->Run(h, op, budget);
    }

    /// <summary>FENCE that orders stores before loads; weaker ones are free on a TSO host.</summary>
    [MethodImpl(Flow.Compiled)]
    internal static void Fence(HartState* h, Op* op, long budget)
    {
        Interlocked.MemoryBarrier();
        op++;
        op->Run(h, op, budget);
    }

    /// <summary>FENCE.I: every block is checked against its frame's code state on the way in, so going there suffices.</summary>
    [MethodImpl(Flow.Compiled)]
    internal static void FenceI(HartState* h, Op* op, long budget)
    {
        Interlocked.MemoryBarrier();
        h->Continue.Jump(h, h->Page + (ulong)(long)h->Block->EndOffset, budget);
    }

    [MethodImpl(Flow.Compiled)]
    internal static void Illegal(HartState* h, Op* op, long budget) => Flow.Illegal(h, op, budget);

    /// <summary>ECALL: from S to the SBI, with pc already past it; from U an exception.</summary>
    [MethodImpl(Flow.Compiled)]
    internal static void Ecall(HartState* h, Op* op, long budget)
    {
        if (h->Mode == PrivilegeMode.User)
        {
            Flow.Raise(h, op, budget, ExceptionCause.UserEnvironmentCall, 0);
            return;
        }

        Flow.LeaveTo(h, h->Page + (ulong)(long)h->Block->EndOffset, budget);
        h->Halt = HaltReason.EnvironmentCall;
    }

    [MethodImpl(Flow.Compiled)]
    internal static void Ebreak(HartState* h, Op* op, long budget)
        => Flow.Raise(h, op, budget, ExceptionCause.Breakpoint, Flow.AddressOf(h, op));

    [MethodImpl(Flow.Compiled)]
    internal static void Sret(HartState* h, Op* op, long budget)
    {
        if (h->Mode == PrivilegeMode.User)
        {
            Flow.Illegal(h, op, budget);
            return;
        }

        h->Hart.ReturnFromTrap();
        if (h->Hart.InterruptReady)
        {
            Flow.LeaveTo(h, h->Sepc, budget);
            return;
        }

        h->Continue.Jump(h, h->Sepc, budget);
    }

    /// <summary>WFI: nothing if an enabled interrupt is pending, whatever sstatus.SIE says; else the vCPU halts behind it.</summary>
    [MethodImpl(Flow.Compiled)]
    internal static void Wfi(HartState* h, Op* op, long budget)
    {
        if (h->Mode == PrivilegeMode.User)
        {
            Flow.Illegal(h, op, budget);
            return;
        }

        Flow.LeaveTo(h, h->Page + (ulong)(long)h->Block->EndOffset, budget);
        if (!h->Hart.HasPendingInterrupt)
            h->Halt = HaltReason.WaitForInterrupt;
    }

    /// <summary>SFENCE.VMA and SINVAL.VMA. ASIDs are not told apart: satp changes flush.</summary>
    [MethodImpl(Flow.Compiled)]
    internal static void SfenceVma(HartState* h, Op* op, long budget)
    {
        if (h->Mode == PrivilegeMode.User)
        {
            Flow.Illegal(h, op, budget);
            return;
        }

        if (op->A == 0)
            h->Hart.FenceAll();
        else
            h->Hart.FencePage(new Gva(HartState.Reg(h, op->A)));

        h->Continue.Jump(h, h->Page + (ulong)(long)h->Block->EndOffset, budget);
    }

    /// <summary>SFENCE.W.INVAL and SFENCE.INVAL.IR: each SINVAL.VMA has done all there is to order.</summary>
    [MethodImpl(Flow.Compiled)]
    internal static void SfenceOrder(HartState* h, Op* op, long budget)
    {
        if (h->Mode == PrivilegeMode.User)
        {
            Flow.Illegal(h, op, budget);
            return;
        }

        op++;
        op->Run(h, op, budget);
    }
}
