using System.Runtime.CompilerServices;

namespace Warren.Images.Compression;

/// <summary>
/// The LZMA decoder proper: the adaptive binary range decoder, the probability model, and the state that carries over from one
/// LZMA2 chunk to the next. It decodes one whole chunk at a time from a complete input buffer into a linear output buffer that
/// also holds the history, so it never has to stop in the middle of a symbol.
/// </summary>
/// <remarks>
/// Source: the LZMA specification that accompanies the LZMA SDK (public domain), sections on the range coder and the model.
/// </remarks>
internal sealed unsafe class LzmaDecoder
{
    /// <summary>
    /// Zero bytes that must follow the input: one symbol reads at most 48 bits of the range coder (a match with the longest
    /// length and distance codes), each taking at most one input byte, and overrun is checked once a symbol.
    /// </summary>
    public const int InputSlack = 64;

    private const int ModelBits = 11;
    private const int MoveBits = 5;
    private const ushort InitialProbability = 1 << (ModelBits - 1);
    private const uint TopValue = 1u << 24;

    private const int States = 12;
    private const int FirstMatchState = 7;
    private const int MaxPositionStates = 16;
    private const int MinMatch = 2;
    private const int DistanceSlots = 64;
    private const int AlignBits = 4;
    private const int LiteralCoder = 0x300;

    // One array holds the whole model; these are the offsets of its parts.
    private const int IsMatch = 0;
    private const int IsRep = IsMatch + States * MaxPositionStates;
    private const int IsRepG0 = IsRep + States;
    private const int IsRepG1 = IsRepG0 + States;
    private const int IsRepG2 = IsRepG1 + States;
    private const int IsRep0Long = IsRepG2 + States;
    private const int DistanceSlot = IsRep0Long + States * MaxPositionStates;
    private const int DistanceSpecial = DistanceSlot + 4 * DistanceSlots;
    private const int DistanceAlign = DistanceSpecial + 128;
    private const int MatchLength = DistanceAlign + (1 << AlignBits);
    private const int LengthCoder = 2 + MaxPositionStates * 8 * 2 + 256;
    private const int RepLength = MatchLength + LengthCoder;
    private const int Literal = RepLength + LengthCoder;

    private const int LengthLow = 2;
    private const int LengthMid = LengthLow + MaxPositionStates * 8;
    private const int LengthHigh = LengthMid + MaxPositionStates * 8;

    // LZMA2 bounds lc + lp by 4, so the literal coders never need more than 16 times 0x300 entries.
    private readonly ushort[] _model = new ushort[Literal + (LiteralCoder << 4)];

    private int _literalContextBits;
    private uint _literalPositionMask;
    private uint _positionMask;
    private uint _state;
    private uint _rep0, _rep1, _rep2, _rep3;

    /// <summary>Sets lc, lp and pb from their packed byte; false when it is out of range for LZMA2 (lc + lp at most 4).</summary>
    public bool SetProperties(byte packed)
    {
        if (packed >= 9 * 5 * 5)
            return false;
        var lc = packed % 9;
        var lp = packed / 9 % 5;
        var pb = packed / 45;
        if (lc + lp > 4)
            return false;
        _literalContextBits = lc;
        _literalPositionMask = (1u << lp) - 1;
        _positionMask = (1u << pb) - 1;
        return true;
    }

    /// <summary>Forgets the probabilities, the state and the repeated distances; the properties stay.</summary>
    public void ResetState()
    {
        Array.Fill(_model, InitialProbability);
        _state = 0;
        _rep0 = _rep1 = _rep2 = _rep3 = 0;
    }

    /// <summary>
    /// Decodes exactly one chunk. False when the input is not a valid LZMA chunk of exactly this size.
    /// </summary>
    /// <param name="input">Start of the chunk's compressed bytes, followed by <see cref="InputSlack"/> readable bytes.</param>
    /// <param name="inputLength">Number of compressed bytes, 5 or more.</param>
    /// <param name="buffer">The output buffer, which also holds the history before <paramref name="position"/>.</param>
    /// <param name="position">Where the chunk's output begins.</param>
    /// <param name="outputLength">Size of the chunk's output; the buffer has that room.</param>
    /// <param name="history">How many bytes before <paramref name="position"/> may be referred to.</param>
    /// <param name="dictionarySize">The largest distance allowed once there is that much history.</param>
    /// <param name="streamPosition">Bytes since the dictionary was reset, which literal and position contexts are taken from.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool Decode(
        byte* input, int inputLength, byte* buffer, int position, int outputLength, int history, int dictionarySize, uint streamPosition)
    {
        if (inputLength < 5 || input[0] != 0)
            return false;
        fixed (ushort* model = _model)
        {
            var inputEnd = input + inputLength;
            RangeDecoder rc = new(input + 1);
            var output = buffer + position;
            var outputEnd = output + outputLength;
            var oldest = output - history;
            var state = _state;
            uint rep0 = _rep0, rep1 = _rep1, rep2 = _rep2, rep3 = _rep3;
            var logical = streamPosition - (uint)(nuint)output;
            var previous = history > 0 ? output[-1] : (byte)0;

            while (output < outputEnd)
            {
                var now = logical + (uint)(nuint)output;
                var positionState = now & _positionMask;
                if (rc.Bit(model + IsMatch + state * MaxPositionStates + positionState) == 0)
                {
                    var context = ((now & _literalPositionMask) << _literalContextBits) + (uint)(previous >> (8 - _literalContextBits));
                    var coder = model + Literal + LiteralCoder * context;
                    uint symbol = 1;
                    if (state >= FirstMatchState)
                    {
                        // After a match the byte at the last distance predicts the literal until the first bit that differs.
                        uint predicted = output[-(nint)rep0 - 1];
                        uint offset = 0x100;
                        do
                        {
                            predicted <<= 1;
                            var predictedBit = predicted & offset;
                            var bit = rc.Bit(coder + offset + predictedBit + symbol);
                            symbol = (symbol << 1) | bit;
                            offset &= bit != 0 ? predictedBit : ~predictedBit;
                        }
                        while (symbol < 0x100);
                    }
                    else
                    {
                        do
                            symbol = (symbol << 1) | rc.Bit(coder + symbol);
                        while (symbol < 0x100);
                    }
                    previous = (byte)symbol;
                    *output++ = previous;
                    state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
                    if (rc.Next > inputEnd)
                        return false;
                    continue;
                }

                uint length;
                if (rc.Bit(model + IsRep + state) == 0)
                {
                    rep3 = rep2;
                    rep2 = rep1;
                    rep1 = rep0;
                    length = DecodeLength(ref rc, model + MatchLength, positionState);
                    rep0 = DecodeDistance(ref rc, model, length);
                    state = state < FirstMatchState ? 7u : 10u;
                }
                else
                {
                    var single = false;
                    if (rc.Bit(model + IsRepG0 + state) == 0)
                        single = rc.Bit(model + IsRep0Long + state * MaxPositionStates + positionState) == 0;
                    else if (rc.Bit(model + IsRepG1 + state) == 0)
                        (rep0, rep1) = (rep1, rep0);
                    else if (rc.Bit(model + IsRepG2 + state) == 0)
                        (rep0, rep1, rep2) = (rep2, rep0, rep1);
                    else
                        (rep0, rep1, rep2, rep3) = (rep3, rep0, rep1, rep2);
                    if (single)
                    {
                        length = 1;
                        state = state < FirstMatchState ? 9u : 11u;
                    }
                    else
                    {
                        length = DecodeLength(ref rc, model + RepLength, positionState);
                        state = state < FirstMatchState ? 8u : 11u;
                    }
                }

                // The end marker (distance 2^32 - 1) fails here too: LZMA2 chunks do not have one.
                if (rc.Next > inputEnd || rep0 >= (uint)dictionarySize || rep0 >= (ulong)(output - oldest) || length > outputEnd - output)
                    return false;
                CopyMatch(output, rep0 + 1, length);
                output += length;
                previous = output[-1];
            }

            // A chunk ends with the coder drained: one last shift may be owed, then the code is zero and the input is used up.
            rc.Normalize();
            if (rc.Next != inputEnd || rc.Code != 0)
                return false;
            (_state, _rep0, _rep1, _rep2, _rep3) = (state, rep0, rep1, rep2, rep3);
            return true;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CopyMatch(byte* output, uint distance, uint length)
    {
        var source = output - distance;
        if (distance >= length)
        {
            Unsafe.CopyBlockUnaligned(output, source, length);
        }
        else if (distance == 1)
        {
            Unsafe.InitBlockUnaligned(output, *source, length);
        }
        else
        {
            for (uint i = 0; i < length; i++)
                output[i] = source[i];
        }
    }

    private static uint DecodeLength(ref RangeDecoder rc, ushort* coder, uint positionState)
    {
        if (rc.Bit(coder) == 0)
            return MinMatch + rc.Tree(coder + LengthLow + positionState * 8, 3);
        if (rc.Bit(coder + 1) == 0)
            return MinMatch + 8 + rc.Tree(coder + LengthMid + positionState * 8, 3);
        return MinMatch + 16 + rc.Tree(coder + LengthHigh, 8);
    }

    private static uint DecodeDistance(ref RangeDecoder rc, ushort* model, uint length)
    {
        var lengthState = Math.Min(length - MinMatch, 3);
        var slot = rc.Tree(model + DistanceSlot + lengthState * DistanceSlots, 6);
        if (slot < 4)
            return slot;
        var footerBits = (int)(slot >> 1) - 1;
        var distance = (2 | (slot & 1)) << footerBits;
        if (slot < 14)
            return distance + rc.ReverseTree(model + DistanceSpecial + distance - slot, footerBits);
        distance += rc.Direct(footerBits - AlignBits) << AlignBits;
        return distance + rc.ReverseTree(model + DistanceAlign, AlignBits);
    }

    private ref struct RangeDecoder
    {
        public byte* Next;
        public uint Code;
        private uint _range;

        public RangeDecoder(byte* next)
        {
            _range = uint.MaxValue;
            Code = ((uint)next[0] << 24) | ((uint)next[1] << 16) | ((uint)next[2] << 8) | next[3];
            Next = next + 4;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Normalize()
        {
            if (_range < TopValue)
            {
                _range <<= 8;
                Code = (Code << 8) | *Next++;
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public uint Bit(ushort* probability)
        {
            Normalize();
            uint p = *probability;
            var bound = (_range >> ModelBits) * p;
            if (Code < bound)
            {
                _range = bound;
                *probability = (ushort)(p + (((1u << ModelBits) - p) >> MoveBits));
                return 0;
            }
            _range -= bound;
            Code -= bound;
            *probability = (ushort)(p - (p >> MoveBits));
            return 1;
        }

        public uint Tree(ushort* tree, int bits)
        {
            uint symbol = 1;
            for (var i = 0; i < bits; i++)
                symbol = (symbol << 1) | Bit(tree + symbol);
            return symbol - (1u << bits);
        }

        public uint ReverseTree(ushort* tree, int bits)
        {
            uint symbol = 1;
            uint value = 0;
            for (var i = 0; i < bits; i++)
            {
                var bit = Bit(tree + symbol);
                symbol = (symbol << 1) | bit;
                value |= bit << i;
            }
            return value;
        }

        public uint Direct(int bits)
        {
            uint value = 0;
            for (var i = 0; i < bits; i++)
            {
                Normalize();
                _range >>= 1;
                var bit = Code >= _range ? 1u : 0u;
                Code -= _range & (0 - bit);
                value = (value << 1) | bit;
            }
            return value;
        }
    }
}
