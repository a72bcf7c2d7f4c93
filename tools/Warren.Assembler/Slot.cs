namespace Warren.Asm;

/// <summary>How one written operand goes into an instruction word.</summary>
internal enum Slot
{
    // Registers by the field they fill; F: floating point.
    Rd,
    Rs1,
    Rs2,
    RdRs1,
    Fd,
    Fs1,
    Fs2,
    Fs3,

    /// <summary>
    /// The integer register in brackets that an AMO, LR, SC or cache-block operation addresses: <c>(a0)</c> or <c>0(a0)</c>.
    /// </summary>
    Address,

    /// <summary>An optional integer register: x0 when absent.</summary>
    OptionalRs1,
    OptionalRs2,

    /// <summary>An optional rounding mode: dynamic when absent.</summary>
    Rounding,

    // Immediates.
    Signed12,
    LoadOffset,
    StoreOffset,
    PrefetchOffset,
    Upper20,
    BranchTarget,
    JumpTarget,
    Shift5,
    Shift6,
    Csr,
    Unsigned5,
    FencePredecessor,
    FenceSuccessor,

    // Compressed registers: the full fields, and the three-bit ones for x8..x15.
    CRs2,
    CFs2,
    CRd3,
    CRs1High3,
    CRs2Low3,
    CFd3,
    CFs2Low3,

    // Compressed immediates.
    CSigned6,
    CShift6,
    CUpper6,
    CAddi16Sp,
    CAddi4Spn,
    CLoadWord,
    CLoadDouble,
    CLoadWordSp,
    CLoadDoubleSp,
    CStoreWordSp,
    CStoreDoubleSp,
    CBranchTarget,
    CJumpTarget,

    /// <summary>The written operand must be <c>sp</c>; it is implied by the opcode.</summary>
    StackPointer,
}

/// <summary>An instruction: the bits that never change, and what each written operand fills in.</summary>
internal readonly record struct InstructionForm(uint Match, Slot[] Slots)
{
    /// <summary>The two lowest bits are 11 in every 32-bit instruction and in no 16-bit one.</summary>
    public int Size => (Match & 3) == 3 ? 4 : 2;
}
