using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace Warren.Machines.DeviceTree;

/// <summary>A range of physical memory that the guest must leave alone.</summary>
public readonly record struct FdtReservation(ulong Address, ulong Size);

/// <summary>
/// The flattened form of a device tree, version 17 (Devicetree Specification v0.4, chapter 5): header, memory reservation block,
/// structure block, strings block, in that order, each aligned as the specification asks.
/// </summary>
public static class FlattenedDeviceTree
{
    internal const uint Magic = 0xd00dfeed;
    internal const int HeaderSize = 40;
    internal const uint Version = 17;
    internal const uint LastCompatibleVersion = 16;
    internal const uint BeginNode = 1;
    internal const uint EndNode = 2;
    internal const uint Property = 3;
    internal const uint Nop = 4;
    internal const uint End = 9;

    /// <summary>Serialises the tree under <paramref name="root"/>; <paramref name="bootCpu"/> is the hart id of the booting CPU.</summary>
    public static byte[] Write(FdtNode root, uint bootCpu, params ReadOnlySpan<FdtReservation> reservations)
    {
        using var structure = new MemoryStream();
        var strings = new StringTable();
        WriteNode(structure, strings, root);
        WriteCell(structure, End);

        var reserveOffset = HeaderSize;
        var structureOffset = reserveOffset + (reservations.Length + 1) * 16;
        var stringsOffset = structureOffset + (int)structure.Length;
        var total = stringsOffset + strings.Length;
        // Whole 8-byte words, so that a blob placed on an aligned address can be followed by another.
        var blob = new byte[(total + 7) & ~7];
        Span<uint> header =
        [
            Magic, (uint)blob.Length, (uint)structureOffset, (uint)stringsOffset, (uint)reserveOffset, Version, LastCompatibleVersion,
            bootCpu, (uint)strings.Length, (uint)structure.Length,
        ];
        for (var i = 0; i < header.Length; i++)
            BinaryPrimitives.WriteUInt32BigEndian(blob.AsSpan(i * 4), header[i]);
        for (var i = 0; i < reservations.Length; i++)
        {
            BinaryPrimitives.WriteUInt64BigEndian(blob.AsSpan(reserveOffset + i * 16), reservations[i].Address);
            BinaryPrimitives.WriteUInt64BigEndian(blob.AsSpan(reserveOffset + i * 16 + 8), reservations[i].Size);
        }
        structure.GetBuffer().AsSpan(0, (int)structure.Length).CopyTo(blob.AsSpan(structureOffset));
        strings.CopyTo(blob.AsSpan(stringsOffset));
        return blob;
    }

    private static void WriteNode(MemoryStream s, StringTable strings, FdtNode node)
    {
        WriteCell(s, BeginNode);
        s.Write(Encoding.UTF8.GetBytes(node.Name));
        s.WriteByte(0);
        Pad(s);
        foreach (var p in node.Properties)
        {
            WriteCell(s, Property);
            WriteCell(s, (uint)p.Value.Length);
            WriteCell(s, strings.OffsetOf(p.Name));
            s.Write(p.Value);
            Pad(s);
        }
        foreach (var child in node.Children)
            WriteNode(s, strings, child);
        WriteCell(s, EndNode);
    }

    private static void WriteCell(MemoryStream s, uint value)
    {
        Span<byte> cell = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(cell, value);
        s.Write(cell);
    }

    private static void Pad(MemoryStream s)
    {
        while ((s.Length & 3) != 0)
            s.WriteByte(0);
    }

    /// <summary>The strings block: each property name once.</summary>
    private sealed class StringTable
    {
        private readonly Dictionary<string, uint> _offsets = [];
        private readonly List<byte> _bytes = [];

        public int Length => _bytes.Count;

        public uint OffsetOf(string name)
        {
            if (!_offsets.TryGetValue(name, out var offset))
            {
                offset = (uint)_bytes.Count;
                _offsets.Add(name, offset);
                _bytes.AddRange(Encoding.UTF8.GetBytes(name));
                _bytes.Add(0);
            }
            return offset;
        }

        public void CopyTo(Span<byte> target) => CollectionsMarshal.AsSpan(_bytes).CopyTo(target);
    }
}
