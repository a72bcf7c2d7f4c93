using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Warren.RiscV.Execute;

internal static class HighProduct
{
    /// <summary>
    /// Upper half of the 128-bit product. Never Math.BigMul in place: its out argument would put a local's address into the handler,
    /// and with it end the tail call.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong Of(ulong a, ulong b) => Bmi2.X64.IsSupported ? Bmi2.X64.MultiplyNoFlags(a, b) : Portable(a, b);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ulong Portable(ulong a, ulong b) => Math.BigMul(a, b, out _);
}

// M extension. Division by zero and overflow give the values of the table in its chapter; nothing traps.
internal readonly struct Mul : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => a * b;
}

internal readonly struct Mulh : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => HighProduct.Of(a, b) - ((long)a < 0 ? b : 0) - ((long)b < 0 ? a : 0);
}

internal readonly struct Mulhsu : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => HighProduct.Of(a, b) - ((long)a < 0 ? b : 0);
}

internal readonly struct Mulhu : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => HighProduct.Of(a, b);
}

internal readonly struct Div : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b)
        => b == 0 ? ulong.MaxValue : b == ulong.MaxValue ? 0 - a : (ulong)((long)a / (long)b);
}

internal readonly struct Divu : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => b == 0 ? ulong.MaxValue : a / b;
}

internal readonly struct Rem : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => b == 0 ? a : b == ulong.MaxValue ? 0 : (ulong)((long)a % (long)b);
}

internal readonly struct Remu : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => b == 0 ? a : a % b;
}

internal readonly struct Mulw : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => (ulong)((int)a * (int)b);
}

internal readonly struct Divw : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b)
        => (int)b == 0 ? ulong.MaxValue : (int)b == -1 ? (ulong)(0 - (int)a) : (ulong)((int)a / (int)b);
}

internal readonly struct Divuw : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => (uint)b == 0 ? ulong.MaxValue : (ulong)(int)((uint)a / (uint)b);
}

internal readonly struct Remw : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => (int)b == 0 ? (ulong)(int)a : (int)b == -1 ? 0 : (ulong)((int)a % (int)b);
}

internal readonly struct Remuw : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => (uint)b == 0 ? (ulong)(int)a : (ulong)(int)((uint)a % (uint)b);
}
