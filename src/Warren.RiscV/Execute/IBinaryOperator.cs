namespace Warren.RiscV.Execute;

/// <summary>A pure function of two registers, or of a register and an immediate.</summary>
internal interface IBinaryOperator
{
    static abstract ulong Invoke(ulong a, ulong b);
}

/// <summary>A pure function of one register.</summary>
internal interface IUnaryOperator
{
    static abstract ulong Invoke(ulong a);
}

/// <summary>A branch's condition.</summary>
internal interface ICondition
{
    static abstract bool Invoke(ulong a, ulong b);
}
