using System.Collections.Concurrent;

namespace Warren.RiscV.Decode;

/// <summary>The instructions of one set of extensions, found by opcode and funct3.</summary>
internal sealed class InstructionTable
{
    private static readonly ConcurrentDictionary<uint, InstructionTable> s_tables = new();

    private readonly InstructionPattern[][] _buckets = new InstructionPattern[256][];

    private InstructionTable(uint extensions)
    {
        InstructionPattern[][] sources = [IntegerPatterns.All, BitPatterns.All, AtomicPatterns.All, FloatPatterns.All, SystemPatterns.All];
        for (uint bucket = 0; bucket < _buckets.Length; bucket++)
        {
            // Bits 6-2 and 14-12; the two lowest are 11 for every 32-bit instruction.
            const uint Key = 0x707c;
            var key = (bucket >> 3) << 2 | (bucket & 7) << 12;
            _buckets[bucket] =
            [
                .. sources.SelectMany(static source => source).Where(pattern =>
                    (extensions >> (int)pattern.Extension & 1) != 0 && ((pattern.Match ^ key) & pattern.Mask & Key) == 0),
            ];
        }
    }

    /// <summary>The table for a set of extensions, a bit per <see cref="Extension"/>.</summary>
    internal static InstructionTable For(uint extensions) => s_tables.GetOrAdd(extensions, static set => new InstructionTable(set));

    /// <summary>The first pattern that is <paramref name="instruction"/>, or null: illegal.</summary>
    internal InstructionPattern? Find(Instruction instruction)
    {
        if ((instruction.Bits & 3) != 3)
            return null;

        foreach (var pattern in _buckets[instruction.Opcode << 3 | instruction.Funct3])
        {
            if (pattern.Matches(instruction.Bits))
                return pattern;
        }

        return null;
    }
}
