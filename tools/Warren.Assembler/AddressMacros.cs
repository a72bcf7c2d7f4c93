namespace Warren.Asm;

/// <summary>The pseudo-instructions that take several instructions: constants, addresses, far calls, loads and stores by symbol.</summary>
internal sealed class AddressMacros(SymbolTable symbols, InstructionSink sink)
{
    private const uint Auipc = 0x17;
    private const uint Addi = 0x13;
    private const uint Jalr = 0x67;

    /// <returns>False when the statement is none of these.</returns>
    public bool TryEncode(string mnemonic, List<string> operands)
    {
        switch (mnemonic, operands.Count)
        {
            case ("li", 2):
                LoadConstant(Registers.Integer(operands[0]), Operand.Constant(operands[1], symbols, "li's operand"));
                return true;
            case ("la" or "lla", 2):
                var rd = Registers.Integer(operands[0]);
                EmitPair(rd, operands[1], Addi | (rd << 7), Field.I);
                return true;
            case ("call", 1):
                EmitPair(1, operands[0], Jalr | (1 << 7), Field.I);
                return true;
            case ("call", 2):
                var link = Registers.Integer(operands[0]);
                EmitPair(6, operands[1], Jalr | (link << 7), Field.I);
                return true;
            case ("tail", 1):
                EmitPair(6, operands[0], Jalr, Field.I);
                return true;
            case ("jump", 2):
                EmitPair(Registers.Integer(operands[1]), operands[0], Jalr, Field.I);
                return true;
            default:
                return TryEncodeMemory(mnemonic, operands);
        }
    }

    /// <summary><c>ld rd, symbol</c>, <c>fld fd, symbol, temporary</c>, <c>sd rs, symbol, temporary</c>.</summary>
    private bool TryEncodeMemory(string mnemonic, List<string> operands)
    {
        if (operands.Count is not (2 or 3) || operands[1].EndsWith(')') || !InstructionTable.TryGet(mnemonic, out var form)
            || form.Slots.Length != 2 || form.Slots[1] is not (Slot.LoadOffset or Slot.StoreOffset) || mnemonic == "jalr")
        {
            return false;
        }
        var integerLoad = form.Slots[0] == Slot.Rd;
        if (!integerLoad && operands.Count == 2)
            throw new StatementException($"{mnemonic} by symbol wants a temporary register as third operand");
        var temporary = Registers.Integer(integerLoad && operands.Count == 2 ? operands[0] : operands[2]);
        var data = form.Slots[0] switch
        {
            Slot.Rd => Registers.Integer(operands[0]) << 7,
            Slot.Fd => Registers.Float(operands[0]) << 7,
            Slot.Rs2 => Registers.Integer(operands[0]) << 20,
            _ => Registers.Float(operands[0]) << 20,
        };
        EmitPair(temporary, operands[1], form.Match | data, form.Slots[1] == Slot.LoadOffset ? Field.I : Field.S);
        return true;
    }

    private void EmitPair(uint register, string target, uint second, Field field)
    {
        if (register == 0)
            throw new StatementException("x0 cannot hold the upper half of the address");
        var value = Operand.Expression(target, symbols);
        sink.Emit(Auipc | (register << 7), 4, (Field.U, Part.PcRelHi, value));
        sink.Emit(second | (register << 15), 4, (field, Part.PcRelLoOfPrevious, value));
    }

    /// <summary>The shortest of the usual sequences: addi; lui (+ addiw); or the upper part by recursion, slli, addi.</summary>
    /// <remarks>Where value - low wraps, the bits lost are those that the shift drops.</remarks>
    private void LoadConstant(uint rd, long value)
    {
        var low = Immediate.Low12(value);
        if (value is >= int.MinValue and <= int.MaxValue)
        {
            var upper = (uint)((value - low) >> 12) & 0xfffff;
            if (upper != 0)
                sink.Emit(0x37 | (rd << 7) | (upper << 12), 4);
            if (low != 0 || upper == 0)
                sink.Emit((upper == 0 ? Addi : 0x1bu | (rd << 15)) | (rd << 7) | Immediate.I(low), 4);
            return;
        }
        var rest = (value - low) >> 12;
        var shift = 12 + System.Numerics.BitOperations.TrailingZeroCount(rest);
        rest >>= shift - 12;
        LoadConstant(rd, rest);
        sink.Emit(0x1013 | (rd << 7) | (rd << 15) | ((uint)shift << 20), 4);
        if (low != 0)
            sink.Emit(Addi | (rd << 7) | (rd << 15) | Immediate.I(low), 4);
    }
}
