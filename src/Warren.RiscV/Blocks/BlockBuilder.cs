using Warren.RiscV.Core;
using Warren.RiscV.Decode;
using Warren.RiscV.Execute;

namespace Warren.RiscV.Blocks;

/// <summary>Decodes one basic block from host memory into ops.</summary>
internal sealed unsafe class BlockBuilder(HartOptions options)
{
    private static readonly HandlerReference s_illegal = new(typeof(SystemOps), nameof(SystemOps.Illegal));
    private static readonly HandlerReference s_fallThrough = new(typeof(Jumps), nameof(Jumps.FallThrough));
    private static readonly HandlerReference s_toDispatcher = new(typeof(Jumps), nameof(Jumps.ToDispatcher));
    private static readonly HandlerReference s_checkSecondPage = new(typeof(Jumps), nameof(Jumps.CheckSecondPage));
    private static readonly HandlerReference s_loadImmediate = new(typeof(Jumps), nameof(Jumps.LoadImmediate));
    private static readonly HandlerReference s_move = new(typeof(Jumps), nameof(Jumps.Move));
    private static readonly HandlerReference s_jumpNoLink = new(typeof(Jumps), nameof(Jumps.J));
    private static readonly HandlerReference s_jumpFar = new(typeof(Jumps), nameof(Jumps.JalFar));
    private static readonly HandlerReference s_return = new(typeof(Jumps), nameof(Jumps.Jr));

    private readonly InstructionTable _table = InstructionTable.For(options.ExtensionSet);
    private readonly bool _compressed = options.Has(Extension.C);

    private Op* _op;
    private byte _offset;

    /// <summary>True when the instruction at <paramref name="offset"/> has its second half on the next page.</summary>
    internal static bool Crosses(byte* page, int offset) => offset == 0xffe && (page[offset] & 3) == 3;

    /// <summary>
    /// Decodes from <paramref name="page"/> at <paramref name="offset"/> into <paramref name="block"/>, whose key fields are set, at most
    /// <paramref name="limit"/> instructions. Returns the end of what was written.
    /// </summary>
    internal Op* Build(Block* block, byte* page, int offset, int limit, bool final)
    {
        _op = Block.Ops(block);
        block->PageOffset = offset;
        block->Starts = 0;
        var count = 0;
        var at = offset;
        var ended = false;
        while (!ended && count < limit && at < 4096 && !Crosses(page, at))
        {
            uint bits = *(ushort*)(page + at);
            var length = 2;
            if ((bits & 3) == 3)
            {
                bits = *(uint*)(page + at);
                length = 4;
            }

            ended = Emit(block, bits, at, length);
            count++;
            at += length;
        }

        Finish(block, count, at, ended, final);
        return _op;
    }

    /// <summary>Decodes the one instruction whose halves are the last of one page and the first of the next.</summary>
    internal Op* BuildCrossing(Block* block, uint bits)
    {
        _op = Block.Ops(block);
        block->PageOffset = 0xffe;
        block->Starts = 0;
        _offset = 0;
        *_op++ = new Op { Run = s_checkSecondPage.Code };
        var ended = Emit(block, bits, 0xffe, 4);
        Finish(block, 1, 0x1002, ended, final: false);
        return _op;
    }

    private void Finish(Block* block, int count, int end, bool ended, bool final)
    {
        block->Count = count;
        block->EndOffset = end;
        if (!ended)
        {
            _offset = (byte)((end - block->PageOffset) >> 1);
            Put(final ? s_toDispatcher : s_fallThrough, 0, 0, 0, 0);
        }

        var links = (Links*)_op++;
        links->Next = links->Taken = Block.Unlinked;
    }

    private bool Emit(Block* block, uint bits, int at, int length)
    {
        _offset = (byte)((at - block->PageOffset) >> 1);
        block->Starts |= 1UL << _offset;
        var instruction = new Instruction(length == 4 ? bits : _compressed ? Compressed.Expand(bits) : 0);
        var pattern = _table.Find(instruction);
        if (pattern is null)
        {
            Put(s_illegal, 0, 0, 0, 0);
            return true;
        }

        return Emit(pattern, instruction, at);
    }

    /// <summary>Emits one instruction; true if it ends the block.</summary>
    private bool Emit(InstructionPattern pattern, Instruction i, int at)
    {
        var rd = i.Rd == 0 ? HartState.Sink : i.Rd;
        switch (pattern.Format)
        {
            case Format.Registers:
                Pure(pattern, i, i.Rs2, 0);
                return false;
            case Format.Unary:
                Pure(pattern, i, 0, 0);
                return false;
            case Format.Immediate:
                Pure(pattern, i, 0, i.ImmediateI);
                return false;
            case Format.Shift:
                Pure(pattern, i, 0, i.Shift);
                return false;
            case Format.UpperImmediate:
                Pure(pattern, i, 0, i.ImmediateU);
                return false;
            case Format.PageRelative:
                Pure(pattern, i, 0, i.ImmediateU + at);
                return false;
            case Format.Load:
                Put(pattern.Handler, rd, i.Rs1, 0, i.ImmediateI);
                return false;
            case Format.FloatLoad:
                Put(pattern.Handler, (byte)(HartState.FirstFloat + i.Rd), i.Rs1, 0, i.ImmediateI);
                return false;
            case Format.Store:
                Put(pattern.Handler, 0, i.Rs1, i.Rs2, i.ImmediateS);
                return false;
            case Format.FloatStore:
                Put(pattern.Handler, 0, i.Rs1, (byte)(HartState.FirstFloat + i.Rs2), i.ImmediateS);
                return false;
            case Format.Atomic:
                Put(pattern.Handler, rd, i.Rs1, i.Rs2, 0);
                return false;
            case Format.Branch:
                Put(pattern.Handler, 0, i.Rs1, i.Rs2, at + i.ImmediateB);
                return true;
            case Format.Jump:
                var target = at + i.ImmediateJ;
                var near = (uint)target < 4096;
                Put(!near ? s_jumpFar : i.Rd == 0 ? s_jumpNoLink : pattern.Handler, rd, 0, 0, target);
                return true;
            case Format.JumpRegister:
                Put(i.Rd == 0 ? s_return : pattern.Handler, rd, i.Rs1, 0, i.ImmediateI);
                return true;
            case Format.Csr or Format.CsrConstant:
                var handler = i.Rs1 == 0 && pattern.ReadOnly is { } read ? read : pattern.Handler;
                Put(handler, rd, i.Rs1, 0, (int)(i.Bits >> 20));
                return false;
            case Format.Plain:
                Put(pattern.Handler, 0, i.Rs1, i.Rs2, 0);
                return false;
            case Format.Final:
                Put(pattern.Handler, 0, i.Rs1, i.Rs2, 0);
                return true;
            default:
                EmitFloat(pattern, i, rd);
                return false;
        }
    }

    private void EmitFloat(InstructionPattern pattern, Instruction i, byte rd)
    {
        var floatRd = (byte)(HartState.FirstFloat + i.Rd);
        var floatRs1 = (byte)(HartState.FirstFloat + i.Rs1);
        var floatRs2 = (byte)(HartState.FirstFloat + i.Rs2);
        var imm = i.Funct3 | (HartState.FirstFloat + i.Rs3) << 8;
        switch (pattern.Format)
        {
            case Format.Float:
                Put(pattern.Handler, floatRd, floatRs1, floatRs2, imm);
                break;
            case Format.FloatToInteger:
                Put(pattern.Handler, rd, floatRs1, floatRs2, imm);
                break;
            default:
                Put(pattern.Handler, floatRd, i.Rs1, 0, imm);
                break;
        }
    }

    /// <summary>Emits what only computes rd: nothing for x0.</summary>
    private void Pure(InstructionPattern pattern, Instruction i, byte rs2, int imm)
    {
        if (i.Rd == 0)
            return;

        var isAddImmediate = pattern.Format == Format.Immediate && (i.Bits & 0x707f) == 0x13;
        var handler =
            isAddImmediate && i.Rs1 == 0 ? s_loadImmediate
            : isAddImmediate && imm == 0 ? s_move
            : pattern.InPlace is { } inPlace && i.Rs1 == i.Rd ? inPlace
            : pattern.Handler;
        Put(handler, i.Rd, i.Rs1, rs2, imm);
    }

    private void Put(HandlerReference handler, byte rd, byte a, byte b, int imm)
        => *_op++ = new Op { Run = handler.Code, Rd = rd, A = a, B = b, Offset = _offset, Imm = imm };
}
