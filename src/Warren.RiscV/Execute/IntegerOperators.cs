namespace Warren.RiscV.Execute;

// RV64I, chapter "RV64I Base Integer Instruction Set" of the unprivileged manual. W forms work on 32 bits and sign-extend.
internal readonly struct Add : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => a + b;
}

internal readonly struct Sub : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => a - b;
}

internal readonly struct Sll : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => a << (int)b;
}

internal readonly struct Slt : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => (long)a < (long)b ? 1UL : 0;
}

internal readonly struct Sltu : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => a < b ? 1UL : 0;
}

internal readonly struct Xor : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => a ^ b;
}

internal readonly struct Srl : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => a >> (int)b;
}

internal readonly struct Sra : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => (ulong)((long)a >> (int)b);
}

internal readonly struct Or : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => a | b;
}

internal readonly struct And : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => a & b;
}

internal readonly struct Addw : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => (ulong)((int)a + (int)b);
}

internal readonly struct Subw : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => (ulong)((int)a - (int)b);
}

internal readonly struct Sllw : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => (ulong)((int)a << (int)b);
}

internal readonly struct Srlw : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => (ulong)(int)((uint)a >> (int)b);
}

internal readonly struct Sraw : IBinaryOperator
{
    public static ulong Invoke(ulong a, ulong b) => (ulong)((int)a >> (int)b);
}

internal readonly struct IfEqual : ICondition
{
    public static bool Invoke(ulong a, ulong b) => a == b;
}

internal readonly struct IfNotEqual : ICondition
{
    public static bool Invoke(ulong a, ulong b) => a != b;
}

internal readonly struct IfLess : ICondition
{
    public static bool Invoke(ulong a, ulong b) => (long)a < (long)b;
}

internal readonly struct IfGreaterOrEqual : ICondition
{
    public static bool Invoke(ulong a, ulong b) => (long)a >= (long)b;
}

internal readonly struct IfLessUnsigned : ICondition
{
    public static bool Invoke(ulong a, ulong b) => a < b;
}

internal readonly struct IfGreaterOrEqualUnsigned : ICondition
{
    public static bool Invoke(ulong a, ulong b) => a >= b;
}
