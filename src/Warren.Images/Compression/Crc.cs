using System.Buffers.Binary;

namespace Warren.Images.Compression;

/// <summary>
/// The two cyclic checks of the .xz format: CRC-32 (IEEE 802.3) and CRC-64 (ECMA-182), both reflected, both with all-ones
/// before and after. Eight bytes a step by eight tables, each of which advances the check of one byte past the bytes after it.
/// </summary>
internal static class Crc
{
    private const uint Polynomial32 = 0xEDB88320;
    private const ulong Polynomial64 = 0xC96C5795D7870F42;

    private static readonly ulong[] s_table32 = BuildTables(Polynomial32);
    private static readonly ulong[] s_table64 = BuildTables(Polynomial64);

    public static uint Compute32(ReadOnlySpan<byte> data) => Append32(0, data);

    public static ulong Compute64(ReadOnlySpan<byte> data) => Append64(0, data);

    /// <summary>Continues a CRC-32: <paramref name="crc"/> is the check of what went before, 0 at the start.</summary>
    public static uint Append32(uint crc, ReadOnlySpan<byte> data) => (uint)~Append(s_table32, ~crc, data);

    /// <summary>Continues a CRC-64: <paramref name="crc"/> is the check of what went before, 0 at the start.</summary>
    public static ulong Append64(ulong crc, ReadOnlySpan<byte> data) => ~Append(s_table64, ~crc, data);

    // A reflected 32-bit check is a 64-bit one whose upper half is always zero, so one loop serves both.
    private static ulong Append(ulong[] tables, ulong state, ReadOnlySpan<byte> data)
    {
        while (data.Length >= 8)
        {
            var word = state ^ BinaryPrimitives.ReadUInt64LittleEndian(data);
            state = tables[7 * 256 + (byte)word]
                ^ tables[6 * 256 + (byte)(word >> 8)]
                ^ tables[5 * 256 + (byte)(word >> 16)]
                ^ tables[4 * 256 + (byte)(word >> 24)]
                ^ tables[3 * 256 + (byte)(word >> 32)]
                ^ tables[2 * 256 + (byte)(word >> 40)]
                ^ tables[1 * 256 + (byte)(word >> 48)]
                ^ tables[(byte)(word >> 56)];
            data = data[8..];
        }
        foreach (var b in data)
            state = tables[(byte)(state ^ b)] ^ (state >> 8);
        return state;
    }

    private static ulong[] BuildTables(ulong polynomial)
    {
        var tables = new ulong[8 * 256];
        for (uint i = 0; i < 256; i++)
        {
            ulong value = i;
            for (var bit = 0; bit < 8; bit++)
                value = (value >> 1) ^ ((value & 1) * polynomial);
            tables[i] = value;
        }
        for (var k = 1; k < 8; k++)
        {
            for (var i = 0; i < 256; i++)
            {
                var previous = tables[(k - 1) * 256 + i];
                tables[k * 256 + i] = tables[(byte)previous] ^ (previous >> 8);
            }
        }
        return tables;
    }
}
