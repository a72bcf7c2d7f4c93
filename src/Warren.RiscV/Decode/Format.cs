namespace Warren.RiscV.Decode;

/// <summary>How an instruction's fields become an op's operands, and what the block builder must know of it.</summary>
internal enum Format : byte
{
    /// <summary>Pure rd = f(rs1, rs2): nothing at all when rd is x0.</summary>
    Registers,

    /// <summary>Pure rd = f(rs1, I-immediate).</summary>
    Immediate,

    /// <summary>Pure rd = f(rs1, shift amount).</summary>
    Shift,

    /// <summary>Pure rd = f(rs1).</summary>
    Unary,

    UpperImmediate,
    PageRelative,
    Load,
    Store,
    FloatLoad,
    FloatStore,

    /// <summary>rd = memory at rs1, combined with rs2.</summary>
    Atomic,

    /// <summary>Ends the block, two ways.</summary>
    Branch,

    /// <summary>Ends the block.</summary>
    Jump,

    /// <summary>Ends the block.</summary>
    JumpRegister,

    /// <summary>CSR number in the immediate, rs1 by number.</summary>
    Csr,

    /// <summary>CSR number in the immediate, the rs1 field as a constant.</summary>
    CsrConstant,

    /// <summary>rs1 and rs2, no result.</summary>
    Plain,

    /// <summary>As <see cref="Plain"/>, and ends the block: the handler finds its own way on.</summary>
    Final,

    /// <summary>fd = f(fs1, fs2, fs3, rm).</summary>
    Float,

    /// <summary>rd = f(fs1, fs2, rm).</summary>
    FloatToInteger,

    /// <summary>fd = f(rs1, rm).</summary>
    IntegerToFloat,
}
