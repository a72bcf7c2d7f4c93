namespace Warren.Asm;

/// <summary>The output: the bytes, where they belong, and every named symbol's value.</summary>
public sealed class AssemblyResult
{
    private readonly byte[] _bytes;

    internal AssemblyResult(byte[] bytes, ulong @base, ulong entry, IReadOnlyDictionary<string, ulong> symbols)
    {
        _bytes = bytes;
        Base = @base;
        Entry = entry;
        Symbols = symbols;
    }

    /// <summary>The flat image or the ELF file, as <see cref="AssemblerOptions.Output"/> asked.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes;

    public ReadOnlyMemory<byte> Memory => _bytes;

    /// <summary>Address of the first byte of .text.</summary>
    public ulong Base { get; }

    public ulong Entry { get; }

    /// <summary>Labels (absolute addresses) and <c>.equ</c>/<c>.set</c> values (two's complement); numeric labels are not listed.</summary>
    public IReadOnlyDictionary<string, ulong> Symbols { get; }

    public byte[] ToArray() => (byte[])_bytes.Clone();
}
