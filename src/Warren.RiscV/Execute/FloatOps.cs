using System.Runtime.CompilerServices;
using Warren.RiscV.Blocks;
using Warren.RiscV.Core;
using Warren.RiscV.FloatingPoint;

namespace Warren.RiscV.Execute;

/// <summary>
/// A floating-point computation on the raw registers that the op's A, B and third source name. Accrues flags.
/// </summary>
internal interface IFloatOperator
{
    /// <summary>True when <c>rm</c> matters, so that a dynamic mode is to be fetched and a reserved one refused.</summary>
    static abstract bool Rounds { get; }

    static abstract ulong Invoke(ulong a, ulong b, ulong c, RoundingMode rm, ref uint flags);
}

/// <summary>
/// Handler of F and D computations. The immediate holds rm in its low byte and the third source's slot above. FS off makes them illegal;
/// else it becomes dirty, also where the result is an integer (flags may change).
/// </summary>
internal static unsafe class Float<T>
    where T : struct, IFloatOperator
{
    private const int Dynamic = 7;

    [MethodImpl(Flow.Compiled)]
    internal static void Run(HartState* h, Op* op, long budget)
    {
        if (h->FloatState == 0)
        {
            Flow.Illegal(h, op, budget);
            return;
        }

        var rm = op->Imm & 7;
        if (T.Rounds)
        {
            rm = rm == Dynamic ? h->FloatRounding : rm;
            if (rm > (int)RoundingMode.Rmm)
            {
                Flow.Illegal(h, op, budget);
                return;
            }
        }

        h->FloatState = 3;
        HartState.Reg(h, op->Rd) = T.Invoke(
            HartState.Reg(h, op->A),
            HartState.Reg(h, op->B),
            HartState.Reg(h, (byte)(op->Imm >> 8)),
            (RoundingMode)rm,
            ref h->FloatFlags);
        op++;
        op->Run(h, op, budget);
    }
}

/// <summary>Floating-point loads and stores: the integer ones behind a look at FS.</summary>
internal static unsafe class FloatMemory
{
    [MethodImpl(Flow.Compiled)]
    internal static void LoadSingle(HartState* h, Op* op, long budget)
    {
        if (h->FloatState != 0)
        {
            h->FloatState = 3;
            Load<BoxedSingle>.Run(h, op, budget);
            return;
        }

        Flow.Illegal(h, op, budget);
    }

    [MethodImpl(Flow.Compiled)]
    internal static void LoadDouble(HartState* h, Op* op, long budget)
    {
        if (h->FloatState != 0)
        {
            h->FloatState = 3;
            Load<Doubleword>.Run(h, op, budget);
            return;
        }

        Flow.Illegal(h, op, budget);
    }

    [MethodImpl(Flow.Compiled)]
    internal static void StoreSingle(HartState* h, Op* op, long budget)
    {
        if (h->FloatState != 0)
        {
            Store<UnsignedWord>.Run(h, op, budget);
            return;
        }

        Flow.Illegal(h, op, budget);
    }

    [MethodImpl(Flow.Compiled)]
    internal static void StoreDouble(HartState* h, Op* op, long budget)
    {
        if (h->FloatState != 0)
        {
            Store<Doubleword>.Run(h, op, budget);
            return;
        }

        Flow.Illegal(h, op, budget);
    }
}
