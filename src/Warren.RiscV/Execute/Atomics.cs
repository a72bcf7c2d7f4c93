using System.Runtime.CompilerServices;
using Warren.Hypervisor.Vcpus;
using Warren.RiscV.Blocks;
using Warren.RiscV.Core;
using Warren.RiscV.Mmu;

namespace Warren.RiscV.Execute;

/// <summary>A read-modify-write on naturally aligned host memory, returning the old value, zero-extended.</summary>
internal unsafe interface IAtomic
{
    static abstract ulong Invoke(void* cell, ulong value);
}

/// <summary>
/// The A extension on the host's own atomics, all of them sequentially consistent. Devices and misaligned addresses are refused, as the
/// PMAs of both allow. LR remembers address and value and SC exchanges if the value is still there: sound for every use Linux makes, as
/// an ABA'd location holds what was read.
/// </summary>
internal static unsafe class AtomicAccess
{
    /// <summary>True when the entry serves a naturally aligned access.</summary>
    [MethodImpl(Flow.Inline)]
    internal static bool Hits(TlbEntry* entry, ulong address, uint size) => (address & (SoftTlb.PageMask | (size - 1))) == entry->Tag;

    /// <summary>Compares and exchanges, for SC.</summary>
    [MethodImpl(Flow.Inline)]
    internal static bool Exchange<TWidth>(byte* host, ulong expected, ulong value)
        where TWidth : struct, ILoad
        => TWidth.Size == 4
            ? Interlocked.CompareExchange(ref *(uint*)host, (uint)value, (uint)expected) == (uint)expected
            : Interlocked.CompareExchange(ref *(ulong*)host, value, expected) == expected;
}

/// <summary>AMOs of one operation and width.</summary>
internal static unsafe class Amo<TOperation, TWidth>
    where TOperation : struct, IAtomic
    where TWidth : struct, ILoad
{
    [MethodImpl(Flow.Compiled)]
    internal static void Run(HartState* h, Op* op, long budget)
    {
        var address = HartState.Reg(h, op->A);
        var entry = SoftTlb.WriteEntry(h, address);
        if (AtomicAccess.Hits(entry, address, TWidth.Size))
        {
            Apply(h, op, (byte*)(address + entry->Addend));
            op++;
            op->Run(h, op, budget);
            return;
        }

        h->Continue.AtomicMissed(h, op, budget, address, (int)TWidth.Size, GuestAccess.Write);
    }

    [MethodImpl(Flow.Inline)]
    private static void Apply(HartState* h, Op* op, byte* host)
        => HartState.Reg(h, op->Rd) = TWidth.Extend(TOperation.Invoke(host, HartState.Reg(h, op->B)));
}

/// <summary>LR of one width.</summary>
internal static unsafe class LoadReserved<TWidth>
    where TWidth : struct, ILoad
{
    [MethodImpl(Flow.Compiled)]
    internal static void Run(HartState* h, Op* op, long budget)
    {
        var address = HartState.Reg(h, op->A);
        var entry = SoftTlb.ReadEntry(h, address);
        if (AtomicAccess.Hits(entry, address, TWidth.Size))
        {
            Apply(h, op, address, (byte*)(address + entry->Addend));
            op++;
            op->Run(h, op, budget);
            return;
        }

        h->Continue.AtomicMissed(h, op, budget, address, (int)TWidth.Size, GuestAccess.Read);
    }

    [MethodImpl(Flow.Inline)]
    private static void Apply(HartState* h, Op* op, ulong address, byte* host)
    {
        var value = TWidth.Size == 4 ? Volatile.Read(ref *(uint*)host) : Volatile.Read(ref *(ulong*)host);
        h->ReservedAddress = address;
        h->ReservedValue = value;
        HartState.Reg(h, op->Rd) = TWidth.Extend(value);
    }
}

/// <summary>SC of one width: 0 in rd if it stored, else 1.</summary>
internal static unsafe class StoreConditional<TWidth>
    where TWidth : struct, ILoad
{
    [MethodImpl(Flow.Compiled)]
    internal static void Run(HartState* h, Op* op, long budget)
    {
        var address = HartState.Reg(h, op->A);
        var entry = SoftTlb.WriteEntry(h, address);
        if (AtomicAccess.Hits(entry, address, TWidth.Size))
        {
            Apply(h, op, address, (byte*)(address + entry->Addend));
            op++;
            op->Run(h, op, budget);
            return;
        }

        h->Continue.AtomicMissed(h, op, budget, address, (int)TWidth.Size, GuestAccess.Write);
    }

    [MethodImpl(Flow.Inline)]
    private static void Apply(HartState* h, Op* op, ulong address, byte* host)
    {
        var stored = h->ReservedAddress == address
            && AtomicAccess.Exchange<TWidth>(host, h->ReservedValue, HartState.Reg(h, op->B));
        h->ReservedAddress = ulong.MaxValue;
        HartState.Reg(h, op->Rd) = stored ? 0UL : 1;
    }
}
