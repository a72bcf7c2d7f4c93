using System.Buffers.Binary;
using System.Text;

namespace Warren.Machines.DeviceTree;

/// <summary>A property of a device tree node: a name and its raw big-endian value.</summary>
public sealed record FdtProperty(string Name, byte[] Value);

/// <summary>
/// One node of a device tree, with typed setters for the encodings the Devicetree Specification v0.4 (section 2.2.4) names.
/// Order of properties and children is kept as written.
/// </summary>
public sealed class FdtNode(string name)
{
    private readonly List<FdtProperty> _properties = [];
    private readonly List<FdtNode> _children = [];

    /// <summary>Node name with unit address, such as <c>serial@10000000</c>; empty for the root.</summary>
    public string Name { get; } = name;

    public IReadOnlyList<FdtProperty> Properties => _properties;

    public IReadOnlyList<FdtNode> Children => _children;

    public FdtNode Add(string childName)
    {
        var child = new FdtNode(childName);
        _children.Add(child);
        return child;
    }

    internal void Attach(FdtNode child) => _children.Add(child);

    /// <summary>A property without a value (its presence is the information).</summary>
    public FdtNode Flag(string property) => Bytes(property, []);

    public FdtNode Bytes(string property, ReadOnlySpan<byte> value)
    {
        _properties.Add(new FdtProperty(property, value.ToArray()));
        return this;
    }

    /// <summary>One or more 32-bit cells.</summary>
    public FdtNode Cells(string property, params ReadOnlySpan<uint> cells)
    {
        var value = new byte[cells.Length * 4];
        for (var i = 0; i < cells.Length; i++)
            BinaryPrimitives.WriteUInt32BigEndian(value.AsSpan(i * 4), cells[i]);
        return Bytes(property, value);
    }

    /// <summary>Each value as two cells, high word first.</summary>
    public FdtNode Cells64(string property, params ReadOnlySpan<ulong> values)
    {
        var value = new byte[values.Length * 8];
        for (var i = 0; i < values.Length; i++)
            BinaryPrimitives.WriteUInt64BigEndian(value.AsSpan(i * 8), values[i]);
        return Bytes(property, value);
    }

    /// <summary>A string, or a list of strings, each terminated by a NUL.</summary>
    public FdtNode Strings(string property, params ReadOnlySpan<string> strings)
    {
        using var value = new MemoryStream();
        foreach (var s in strings)
        {
            value.Write(Encoding.UTF8.GetBytes(s));
            value.WriteByte(0);
        }
        return Bytes(property, value.ToArray());
    }

    /// <summary>The raw value of a property, or null when the node has none of that name.</summary>
    public byte[]? Find(string property)
    {
        foreach (var p in _properties)
        {
            if (p.Name == property)
                return p.Value;
        }
        return null;
    }

    /// <summary>
    /// The cell at <paramref name="index"/> of a property; throws <see cref="KeyNotFoundException"/> when absent or too short.
    /// </summary>
    public uint Cell(string property, int index = 0)
    {
        var value = Find(property);
        return value is not null && value.Length >= (index + 1) * 4
            ? BinaryPrimitives.ReadUInt32BigEndian(value.AsSpan(index * 4))
            : throw new KeyNotFoundException($"'{Name}' has no cell {index} in '{property}'.");
    }

    /// <summary>The strings of a string-list property; throws <see cref="KeyNotFoundException"/> when absent.</summary>
    public string[] StringList(string property)
    {
        var value = Find(property) ?? throw new KeyNotFoundException($"'{Name}' has no property '{property}'.");
        var text = Encoding.UTF8.GetString(value);
        return text.TrimEnd('\0').Split('\0');
    }

    /// <summary>The node at a path such as <c>/cpus/cpu@0</c>, relative to this one; null when there is none.</summary>
    public FdtNode? At(string path)
    {
        var node = this;
        foreach (var part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            node = node._children.Find(c => c.Name == part);
            if (node is null)
                return null;
        }
        return node;
    }
}
