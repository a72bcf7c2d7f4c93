namespace Warren.Asm;

/// <summary>Turns a mnemonic and its operands into an instruction word, perhaps with a field left for pass two.</summary>
internal sealed class InstructionEncoder(SymbolTable symbols, InstructionSink sink)
{
    private uint _word;
    private (Field Field, Part Part, Expression Value)? _pending;

    /// <exception cref="StatementException">Wrong operands.</exception>
    public void Encode(string mnemonic, InstructionForm form, IReadOnlyList<string> operands)
    {
        _word = form.Match;
        _pending = null;
        var next = 0;
        foreach (var slot in form.Slots)
        {
            var optional = slot is Slot.OptionalRs1 or Slot.OptionalRs2 or Slot.Rounding;
            if (next < operands.Count)
                Fill(slot, operands[next++]);
            else if (!optional)
                throw new StatementException($"{mnemonic} wants {form.Slots.Length} operands, not {operands.Count}");
            else if (slot == Slot.Rounding)
                _word |= 7 << 12;
        }
        if (next < operands.Count)
            throw new StatementException($"{mnemonic} wants {form.Slots.Length} operands, not {operands.Count}");
        sink.Emit(_word, form.Size, _pending);
    }

    private void Fill(Slot slot, string text)
    {
        switch (slot)
        {
            case Slot.Rd or Slot.RdRs1:
                _word |= Registers.Integer(text) << 7;
                break;
            case Slot.Rs1 or Slot.OptionalRs1:
                _word |= Registers.Integer(text) << 15;
                break;
            case Slot.Rs2 or Slot.OptionalRs2:
                _word |= Registers.Integer(text) << 20;
                break;
            case Slot.Fd:
                _word |= Registers.Float(text) << 7;
                break;
            case Slot.Fs1:
                _word |= Registers.Float(text) << 15;
                break;
            case Slot.Fs2:
                _word |= Registers.Float(text) << 20;
                break;
            case Slot.Fs3:
                _word |= Registers.Float(text) << 27;
                break;
            case Slot.Rounding:
                _word |= Operand.Rounding(text) << 12;
                break;
            case Slot.Address:
                FillAddress(text);
                break;
            case Slot.FencePredecessor:
                _word |= Operand.FenceSet(text) << 24;
                break;
            case Slot.FenceSuccessor:
                _word |= Operand.FenceSet(text) << 20;
                break;
            case Slot.Csr:
                _word |= Operand.Csr(text, symbols) << 20;
                break;
            case Slot.Unsigned5:
                _word |= (uint)Constant(text, 0, 31) << 15;
                break;
            case Slot.Shift5:
                _word |= (uint)Constant(text, 0, 31) << 20;
                break;
            case Slot.Shift6:
                _word |= (uint)Constant(text, 0, 63) << 20;
                break;
            default:
                if (slot < Slot.CRs2)
                    FillRelocatable(slot, text);
                else
                    FillCompressed(slot, text);
                break;
        }
    }

    private void FillAddress(string text)
    {
        (var offset, var register) = Operand.Memory(text);
        if (Operand.Constant(offset, symbols, "the offset") != 0)
            throw new StatementException($"this instruction takes no offset: write (register), not '{text}'");
        _word |= register << 15;
    }

    private void FillRelocatable(Slot slot, string text)
    {
        if (slot is Slot.LoadOffset or Slot.StoreOffset or Slot.PrefetchOffset)
        {
            (var offset, var register) = Operand.Memory(text);
            _word |= register << 15;
            text = offset;
        }
        var field = slot switch
        {
            Slot.Signed12 or Slot.LoadOffset => Field.I,
            Slot.StoreOffset => Field.S,
            Slot.PrefetchOffset => Field.Prefetch,
            Slot.Upper20 => Field.U,
            Slot.BranchTarget => Field.Branch,
            Slot.JumpTarget => Field.Jump,
            _ => throw new InvalidOperationException($"slot {slot} has no field"),
        };
        (var part, var value) = Operand.Immediate(text, symbols);
        var fits = part switch
        {
            Part.Whole => true,
            Part.Hi or Part.PcRelHi => field == Field.U,
            _ => field is Field.I or Field.S,
        };
        if (!fits)
            throw new StatementException($"'{text}' does not belong in this operand");
        _pending = (field, part, value);
    }

    private void FillCompressed(Slot slot, string text)
    {
        switch (slot)
        {
            case Slot.CRs2:
                _word |= Registers.Integer(text) << 2;
                break;
            case Slot.CFs2:
                _word |= Registers.Float(text) << 2;
                break;
            case Slot.CRd3 or Slot.CRs2Low3:
                _word |= Short(Registers.Integer(text), text) << 2;
                break;
            case Slot.CFd3 or Slot.CFs2Low3:
                _word |= Short(Registers.Float(text), text) << 2;
                break;
            case Slot.CRs1High3:
                _word |= Short(Registers.Integer(text), text) << 7;
                break;
            case Slot.StackPointer:
                if (Registers.Integer(text) != 2)
                    throw new StatementException($"this operand must be sp, not '{text}'");
                break;
            case Slot.CSigned6:
                _word |= Immediate.CSigned6(Constant(text, -32, 31));
                break;
            case Slot.CShift6:
                _word |= Immediate.CSigned6(Constant(text, 1, 63));
                break;
            case Slot.CUpper6:
                _word |= Immediate.CSigned6(UpperConstant(text));
                break;
            case Slot.CAddi16Sp:
                _word |= Immediate.CAddi16Sp(Constant(text, -512, 496, 16, allowZero: false));
                break;
            case Slot.CAddi4Spn:
                _word |= Immediate.CAddi4Spn(Constant(text, 4, 1020, 4));
                break;
            case Slot.CBranchTarget:
                _pending = (Field.CBranch, Part.Whole, Operand.Expression(text, symbols));
                break;
            case Slot.CJumpTarget:
                _pending = (Field.CJump, Part.Whole, Operand.Expression(text, symbols));
                break;
            default:
                FillCompressedMemory(slot, text);
                break;
        }
    }

    private void FillCompressedMemory(Slot slot, string text)
    {
        (var offset, var register) = Operand.Memory(text);
        var stack = slot is Slot.CLoadWordSp or Slot.CLoadDoubleSp or Slot.CStoreWordSp or Slot.CStoreDoubleSp;
        if (stack && register != 2)
            throw new StatementException($"the base register must be sp in '{text}'");
        if (!stack)
            _word |= Short(register, text) << 7;
        _word |= slot switch
        {
            Slot.CLoadWord => Immediate.CWord(Constant(offset, 0, 124, 4)),
            Slot.CLoadDouble => Immediate.CDouble(Constant(offset, 0, 248, 8)),
            Slot.CLoadWordSp => Immediate.CLoadWordSp(Constant(offset, 0, 252, 4)),
            Slot.CLoadDoubleSp => Immediate.CLoadDoubleSp(Constant(offset, 0, 504, 8)),
            Slot.CStoreWordSp => Immediate.CStoreWordSp(Constant(offset, 0, 252, 4)),
            _ => Immediate.CStoreDoubleSp(Constant(offset, 0, 504, 8)),
        };
    }

    private long UpperConstant(string text)
    {
        var value = Operand.Constant(text, symbols, "the operand");
        if (value is (>= 1 and <= 31) or (>= 0xfffe0 and <= 0xfffff))
            return value;
        throw new StatementException($"{value} is not in 1..31 or 0xfffe0..0xfffff");
    }

    private long Constant(string text, long least, long most, long multiple = 1, bool allowZero = true)
    {
        var value = Operand.Constant(text, symbols, "the operand");
        if (value < least || value > most || value % multiple != 0 || (value == 0 && !allowZero))
        {
            throw new StatementException(
                $"{value} is not {(multiple == 1 ? "" : $"a {(allowZero ? "" : "nonzero ")}multiple of {multiple} ")}in {least}..{most}");
        }
        return value;
    }

    private static uint Short(uint register, string text) =>
        register is >= 8 and <= 15 ? register & 7
        : throw new StatementException($"'{text}': a compressed instruction reaches only registers 8 to 15 here");
}
