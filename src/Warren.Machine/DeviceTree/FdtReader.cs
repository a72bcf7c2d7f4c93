using System.Buffers.Binary;
using System.Text;

namespace Warren.Machines.DeviceTree;

/// <summary>A device tree blob that cannot be read, and why.</summary>
public sealed class FdtFormatException(string message) : WarrenException(message);

/// <summary>
/// Reads a flattened device tree back into nodes, checking every offset and length: whatever the bytes, it returns a tree or throws
/// <see cref="FdtFormatException"/>.
/// </summary>
public ref struct FdtReader
{
    /// <summary>Nodes deeper than this are refused, so that a hostile blob cannot exhaust the stack.</summary>
    private const int MaxDepth = 64;

    private readonly ReadOnlySpan<byte> _structure;
    private readonly ReadOnlySpan<byte> _strings;
    private int _at;

    private FdtReader(ReadOnlySpan<byte> structure, ReadOnlySpan<byte> strings)
    {
        _structure = structure;
        _strings = strings;
    }

    public static FdtNode Read(ReadOnlySpan<byte> blob) => Read(blob, out _);

    /// <summary>
    /// The tree and the memory reservation block of <paramref name="blob"/>; bytes after its stated total size are ignored.
    /// </summary>
    public static FdtNode Read(ReadOnlySpan<byte> blob, out List<FdtReservation> reservations)
    {
        if (blob.Length < FlattenedDeviceTree.HeaderSize || HeaderCell(blob, 0) != FlattenedDeviceTree.Magic)
            throw new FdtFormatException("This is not a device tree blob: the magic number d00dfeed is missing.");
        if (HeaderCell(blob, 1) > (uint)blob.Length)
            throw new FdtFormatException("The device tree blob is cut short: its header promises more bytes than there are.");
        blob = blob[..(int)HeaderCell(blob, 1)];
        if (blob.Length < FlattenedDeviceTree.HeaderSize)
            throw new FdtFormatException("The device tree blob's stated size is smaller than its header.");
        if (HeaderCell(blob, 6) > FlattenedDeviceTree.Version)
            throw new FdtFormatException("The device tree blob is of a version newer than 17.");
        var structure = Block(blob, HeaderCell(blob, 2), HeaderCell(blob, 9), "structure");
        var strings = Block(blob, HeaderCell(blob, 3), HeaderCell(blob, 8), "strings");
        reservations = ReadReservations(blob, HeaderCell(blob, 4));
        var reader = new FdtReader(structure, strings);
        if (reader.NextToken() != FlattenedDeviceTree.BeginNode)
            throw new FdtFormatException("The device tree blob does not begin with a root node.");
        var root = reader.ReadNode(0);
        if (reader.NextToken() != FlattenedDeviceTree.End)
            throw new FdtFormatException("The device tree blob has something after its root node.");
        return root;
    }

    private static uint HeaderCell(ReadOnlySpan<byte> blob, int index) => BinaryPrimitives.ReadUInt32BigEndian(blob[(index * 4)..]);

    private static ReadOnlySpan<byte> Block(ReadOnlySpan<byte> blob, uint offset, uint size, string what)
    {
        if (offset > (uint)blob.Length || size > (uint)blob.Length - offset)
            throw new FdtFormatException($"The device tree's {what} block lies outside of the blob.");
        return blob.Slice((int)offset, (int)size);
    }

    private static List<FdtReservation> ReadReservations(ReadOnlySpan<byte> blob, uint offset)
    {
        var list = new List<FdtReservation>();
        for (ulong at = offset; ; at += 16)
        {
            if (at + 16 > (ulong)blob.Length)
                throw new FdtFormatException("The device tree's memory reservation block has no end.");
            var entry = new FdtReservation(
                BinaryPrimitives.ReadUInt64BigEndian(blob[(int)at..]), BinaryPrimitives.ReadUInt64BigEndian(blob[(int)(at + 8)..]));
            if (entry is { Address: 0, Size: 0 })
                return list;
            list.Add(entry);
        }
    }

    private uint Cell()
    {
        if (_structure.Length - _at < 4)
            throw new FdtFormatException("The device tree's structure block ends in the middle of a node.");
        var value = BinaryPrimitives.ReadUInt32BigEndian(_structure[_at..]);
        _at += 4;
        return value;
    }

    private uint NextToken()
    {
        uint token;
        do
            token = Cell();
        while (token == FlattenedDeviceTree.Nop);
        return token;
    }

    private void Align() => _at = Math.Min((_at + 3) & ~3, _structure.Length);

    private FdtNode ReadNode(int depth)
    {
        if (depth == MaxDepth)
            throw new FdtFormatException("The device tree is nested too deeply.");
        var end = _structure[_at..].IndexOf((byte)0);
        if (end < 0)
            throw new FdtFormatException("A device tree node's name has no end.");
        var node = new FdtNode(Encoding.UTF8.GetString(_structure.Slice(_at, end)));
        _at += end + 1;
        Align();
        while (true)
        {
            switch (NextToken())
            {
                case FlattenedDeviceTree.Property:
                    var length = Cell();
                    var name = PropertyName(Cell());
                    if (length > (uint)(_structure.Length - _at))
                        throw new FdtFormatException($"The device tree property '{name}' is longer than its block.");
                    node.Bytes(name, _structure.Slice(_at, (int)length));
                    _at += (int)length;
                    Align();
                    break;
                case FlattenedDeviceTree.BeginNode:
                    node.Attach(ReadNode(depth + 1));
                    break;
                case FlattenedDeviceTree.EndNode:
                    return node;
                default:
                    throw new FdtFormatException("The device tree's structure block holds an unknown token.");
            }
        }
    }

    private readonly string PropertyName(uint offset)
    {
        if (offset >= (uint)_strings.Length)
            throw new FdtFormatException("A device tree property's name lies outside of the strings block.");
        var tail = _strings[(int)offset..];
        var end = tail.IndexOf((byte)0);
        return end >= 0 ? Encoding.UTF8.GetString(tail[..end]) : throw new FdtFormatException("A device tree property's name has no end.");
    }
}
