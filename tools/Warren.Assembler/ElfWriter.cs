using System.Buffers.Binary;
using System.Text;

namespace Warren.Asm;

/// <summary>
/// Writes a static ELF64 executable (System V ABI, RISC-V psABI): headers in the file's first page, then memory from the base up
/// as it is, so that file offset and address agree modulo the page; then the section headers, symbols and names, for objdump.
/// </summary>
internal sealed class ElfWriter(List<Section> sections, SymbolTable symbols, ulong entry, ulong start)
{
    private const int HeaderSize = 64;
    private const int ProgramHeaderSize = 56;
    private const int SectionHeaderSize = 64;
    private const int SymbolSize = 24;
    private const uint FlagExecute = 1;
    private const uint FlagWrite = 2;
    private const uint FlagRead = 4;
    private const uint RvcAndDoubleFloatAbi = 5;

    private readonly List<Section> _ordered = [.. sections.Where(s => s.Length > 0).OrderBy(s => s.Kind)];

    public byte[] Write()
    {
        var segments = Segments();
        var fileEnd = segments.Count == 0 ? start : segments.Max(s => s.FileEnd);
        var file = new MemoryStream();
        file.SetLength((long)(Layout.PageSize + fileEnd - start));
        foreach (var section in _ordered.Where(s => s.Kind != SectionKind.Zero))
        {
            file.Position = (long)Offset(section.Address);
            file.Write(section.Bytes);
        }
        WriteSectionHeaders(file, out var headers, out var count);
        file.Position = 0;
        WriteHeader(file, segments.Count, headers, count);
        foreach ((var flags, var address, var end, var memoryEnd) in segments)
        {
            Put(file, 1, 4);
            Put(file, flags, 4);
            Put(file, Offset(address), 8);
            Put(file, address, 8);
            Put(file, address, 8);
            Put(file, end - address, 8);
            Put(file, memoryEnd - address, 8);
            Put(file, Layout.PageSize, 8);
        }
        return file.ToArray();
    }

    private ulong Offset(ulong address) => Layout.PageSize + address - start;

    private List<(uint Flags, ulong Start, ulong FileEnd, ulong End)> Segments()
    {
        var segments = new List<(uint, ulong, ulong, ulong)>();
        foreach (var group in _ordered.GroupBy(s => Flags(s.Kind)))
        {
            var first = group.First().Address;
            var end = group.Max(s => s.Address + (uint)s.Length);
            var fileEnd = group.Where(s => s.Kind != SectionKind.Zero).Select(s => s.Address + (uint)s.Length).DefaultIfEmpty(first)
                .Max();
            segments.Add((group.Key, first, fileEnd, end));
        }
        return segments;
    }

    private static uint Flags(SectionKind kind) => kind switch
    {
        SectionKind.Code => FlagRead | FlagExecute,
        SectionKind.Constants => FlagRead,
        _ => FlagRead | FlagWrite,
    };

    private void WriteHeader(MemoryStream file, int segments, ulong sectionHeaders, int sectionCount)
    {
        file.Write([0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        Put(file, 2, 2); // ET_EXEC
        Put(file, 243, 2); // EM_RISCV
        Put(file, 1, 4);
        Put(file, entry, 8);
        Put(file, HeaderSize, 8);
        Put(file, sectionHeaders, 8);
        Put(file, RvcAndDoubleFloatAbi, 4);
        Put(file, HeaderSize, 2);
        Put(file, ProgramHeaderSize, 2);
        Put(file, (ulong)segments, 2);
        Put(file, SectionHeaderSize, 2);
        Put(file, (ulong)sectionCount, 2);
        Put(file, (ulong)sectionCount - 1, 2);
    }

    /// <summary>Null, the sections, .symtab, .strtab, .shstrtab.</summary>
    private void WriteSectionHeaders(MemoryStream file, out ulong headers, out int count)
    {
        var names = new StringTable();
        var strings = new StringTable();
        file.Position = (long)Layout.Up((ulong)file.Length, 8);
        var symbolOffset = (ulong)file.Position;
        var locals = WriteSymbols(file, strings);
        var symbolSize = (ulong)file.Position - symbolOffset;
        uint[] own = [.. _ordered.Select(s => names.Add(s.Name))];
        var symtab = names.Add(".symtab");
        var strtab = names.Add(".strtab");
        var shstrtab = names.Add(".shstrtab");
        var stringOffset = (ulong)file.Position;
        file.Write(strings.ToArray());
        var nameOffset = (ulong)file.Position;
        file.Write(names.ToArray());
        var end = (ulong)file.Position;
        headers = Layout.Up(end, 8);
        file.Position = (long)headers;
        count = _ordered.Count + 4;
        PutSection(file, 0, 0, 0, 0, 0, 0);
        for (var i = 0; i < _ordered.Count; i++)
        {
            var s = _ordered[i];
            var flags = s.Kind switch { SectionKind.Code => 6u, SectionKind.Constants => 2u, _ => 3u };
            PutSection(file, own[i], s.Kind == SectionKind.Zero ? 8u : 1u, flags, s.Address, Offset(s.Address), (uint)s.Length,
                alignment: (uint)s.Alignment);
        }
        PutSection(file, symtab, 2, 0, 0, symbolOffset, symbolSize, (uint)count - 2, (uint)locals, 8, SymbolSize);
        PutSection(file, strtab, 3, 0, 0, stringOffset, nameOffset - stringOffset);
        PutSection(file, shstrtab, 3, 0, 0, nameOffset, end - nameOffset);
    }

    /// <returns>Index of the first global symbol.</returns>
    private int WriteSymbols(MemoryStream file, StringTable strings)
    {
        PutSymbol(file, 0, 0, 0, 0);
        Symbol[] labels =
            [.. symbols.All.Where(s => s.Defined && s.Section is not null && !s.Name.StartsWith(".L", StringComparison.Ordinal))
                .OrderBy(s => s.Global)];
        foreach (var symbol in labels)
        {
            var index = _ordered.IndexOf(symbol.Section!);
            PutSymbol(file, strings.Add(symbol.Name), symbol.Global ? 0x10u : 0, index < 0 ? 0xfff1u : (uint)index + 1,
                (ulong)symbol.Value + symbol.Section!.Address);
        }
        return 1 + labels.Count(s => !s.Global);
    }

    private static void PutSymbol(MemoryStream file, uint name, uint info, uint section, ulong value)
    {
        Put(file, name, 4);
        Put(file, info, 1);
        Put(file, 0, 1);
        Put(file, section, 2);
        Put(file, value, 8);
        Put(file, 0, 8);
    }

    private static void PutSection(
        MemoryStream file, uint name, uint type, uint flags, ulong address, ulong offset, ulong size,
        uint link = 0, uint info = 0, ulong alignment = 1, ulong entrySize = 0)
    {
        Put(file, name, 4);
        Put(file, type, 4);
        Put(file, flags, 8);
        Put(file, address, 8);
        Put(file, offset, 8);
        Put(file, size, 8);
        Put(file, link, 4);
        Put(file, info, 4);
        Put(file, alignment, 8);
        Put(file, entrySize, 8);
    }

    private static void Put(MemoryStream file, ulong value, int size)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        file.Write(bytes[..size]);
    }

    /// <summary>An ELF string table: offset 0 is the empty name.</summary>
    private sealed class StringTable
    {
        private readonly List<byte> _all = [0];

        public uint Add(string name)
        {
            var at = (uint)_all.Count;
            _all.AddRange(Encoding.UTF8.GetBytes(name));
            _all.Add(0);
            return at;
        }

        public byte[] ToArray() => [.. _all];
    }
}
