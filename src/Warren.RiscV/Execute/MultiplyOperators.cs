namespace Warren.RiscV.Execute;

// M extension. Division by zero and overflow give the values of the table in its chapter; nothing traps.
internal readonly struct Mul : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => a * b;
}

internal readonly struct Mulh : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => (ulong)Math.BigMul((long)a, (long)b, out _);
}

internal readonly struct Mulhsu : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => Math.BigMul(a, b, out _) - ((long)a < 0 ? b : 0);
}

internal readonly struct Mulhu : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => Math.BigMul(a, b, out _);
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
