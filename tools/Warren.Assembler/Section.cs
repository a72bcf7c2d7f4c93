using System.Buffers.Binary;

namespace Warren.Asm;

/// <summary>Which segment a section lands in; the order is the order in memory.</summary>
internal enum SectionKind
{
    Code,
    Constants,
    Data,
    Zero,
}

/// <summary>A named run of bytes that grows while pass one reads the source.</summary>
internal sealed class Section(string name, SectionKind kind)
{
    private byte[] _bytes = new byte[256];

    public string Name { get; } = name;

    public SectionKind Kind { get; } = kind;

    /// <summary>Bytes so far. A <see cref="SectionKind.Zero"/> section has a length but only zero bytes.</summary>
    public int Length { get; private set; }

    public int Alignment { get; private set; } = kind == SectionKind.Code ? 4 : 1;

    /// <summary>Address of byte 0; known once pass one is over.</summary>
    public ulong Address { get; set; }

    public Span<byte> Bytes => _bytes.AsSpan(0, Length);

    public void RequireAlignment(int alignment) => Alignment = Math.Max(Alignment, alignment);

    public Span<byte> Append(int count)
    {
        if (count > (1 << 28) - Length)
            throw new StatementException($"section {Name} would grow past 256 MiB");
        if (Length + count > _bytes.Length)
            Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, Length + count));
        Length += count;
        return _bytes.AsSpan(Length - count, count);
    }

    public void Append(ulong value, int size)
    {
        Span<byte> whole = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(whole, value);
        whole[..size].CopyTo(Append(size));
    }
}
