using System.Runtime.CompilerServices;
using Warren.RiscV.Blocks;
using Warren.RiscV.Core;
using Warren.RiscV.Mmu;

namespace Warren.RiscV.Execute;

/// <summary>How many bytes a load takes from memory, and how it extends them to a register.</summary>
internal unsafe interface ILoad
{
    static abstract uint Size { get; }

    /// <summary>Size and extension, for <see cref="SlowAccess.Load"/>.</summary>
    static abstract int Kind { get; }

    static abstract ulong Invoke(byte* host);

    /// <summary>The register's value from the zero-extended bytes.</summary>
    static abstract ulong Extend(ulong bytes);
}

/// <summary>How many bytes of a register a store puts into memory.</summary>
internal unsafe interface IStore
{
    static abstract uint Size { get; }

    static abstract void Invoke(byte* host, ulong value);
}

/// <summary>Loads: a hit in the TLB, or the slow way.</summary>
internal static unsafe class Load<T>
    where T : struct, ILoad
{
    [MethodImpl(Flow.Compiled)]
    internal static void Run(HartState* h, Op* op, long budget)
    {
        var address = HartState.Reg(h, op->A) + (ulong)(long)op->Imm;
        var entry = SoftTlb.ReadEntry(h, address);
        if (SoftTlb.Hits(entry, address, T.Size))
        {
            HartState.Reg(h, op->Rd) = T.Invoke((byte*)(address + entry->Addend));
            op++;
            op->Run(h, op, budget);
            return;
        }

        h->Continue.LoadMissed(h, op, budget, address, T.Kind);
    }
}

/// <summary>Stores: a hit in the TLB, or the slow way.</summary>
internal static unsafe class Store<T>
    where T : struct, IStore
{
    [MethodImpl(Flow.Compiled)]
    internal static void Run(HartState* h, Op* op, long budget)
    {
        var address = HartState.Reg(h, op->A) + (ulong)(long)op->Imm;
        var entry = SoftTlb.WriteEntry(h, address);
        if (SoftTlb.Hits(entry, address, T.Size))
        {
            T.Invoke((byte*)(address + entry->Addend), HartState.Reg(h, op->B));
            op++;
            op->Run(h, op, budget);
            return;
        }

        h->Continue.StoreMissed(h, op, budget, address, (int)T.Size);
    }
}

internal readonly unsafe struct SignedByte : ILoad
{
    public static uint Size => 1;

    public static int Kind => 1 | SlowAccess.Signed;

    public static ulong Invoke(byte* host) => (ulong)*(sbyte*)host;

    public static ulong Extend(ulong bytes) => (ulong)(sbyte)bytes;
}

internal readonly unsafe struct SignedHalf : ILoad
{
    public static uint Size => 2;

    public static int Kind => 2 | SlowAccess.Signed;

    public static ulong Invoke(byte* host) => (ulong)*(short*)host;

    public static ulong Extend(ulong bytes) => (ulong)(short)bytes;
}

internal readonly unsafe struct SignedWord : ILoad
{
    public static uint Size => 4;

    public static int Kind => 4 | SlowAccess.Signed;

    public static ulong Invoke(byte* host) => (ulong)*(int*)host;

    public static ulong Extend(ulong bytes) => (ulong)(int)bytes;
}

internal readonly unsafe struct UnsignedByte : ILoad, IStore
{
    public static uint Size => 1;

    public static int Kind => 1;

    public static ulong Invoke(byte* host) => *host;

    public static ulong Extend(ulong bytes) => bytes;

    public static void Invoke(byte* host, ulong value) => *host = (byte)value;
}

internal readonly unsafe struct UnsignedHalf : ILoad, IStore
{
    public static uint Size => 2;

    public static int Kind => 2;

    public static ulong Invoke(byte* host) => *(ushort*)host;

    public static ulong Extend(ulong bytes) => bytes;

    public static void Invoke(byte* host, ulong value) => *(ushort*)host = (ushort)value;
}

internal readonly unsafe struct UnsignedWord : ILoad, IStore
{
    public static uint Size => 4;

    public static int Kind => 4;

    public static ulong Invoke(byte* host) => *(uint*)host;

    public static ulong Extend(ulong bytes) => bytes;

    public static void Invoke(byte* host, ulong value) => *(uint*)host = (uint)value;
}

internal readonly unsafe struct Doubleword : ILoad, IStore
{
    public static uint Size => 8;

    public static int Kind => 8;

    public static ulong Invoke(byte* host) => *(ulong*)host;

    public static ulong Extend(ulong bytes) => bytes;

    public static void Invoke(byte* host, ulong value) => *(ulong*)host = value;
}

/// <summary>FLW: NaN-boxed.</summary>
internal readonly unsafe struct BoxedSingle : ILoad
{
    public static uint Size => 4;

    public static int Kind => 4 | SlowAccess.Boxed;

    public static ulong Invoke(byte* host) => FloatingPoint.NanBoxing.BoxSingle(*(uint*)host);

    public static ulong Extend(ulong bytes) => FloatingPoint.NanBoxing.BoxSingle((uint)bytes);
}
