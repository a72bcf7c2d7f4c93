using System.Buffers.Binary;

namespace Warren.Asm.Tests;

/// <summary>Sections, symbols, and the two outputs.</summary>
public class LayoutTests
{
    [Fact]
    public void Flat_sections_follow_each_other_by_kind()
    {
        var result =
            Assembler.Assemble(".data\nd: .byte 4\n.text\nt: .word 1\n.rodata\nr: .byte 2, 3\n.bss\n.balign 4\nb: .zero 3",
                new AssemblerOptions { Base = 0x1000 });
        Assert.Equal([1, 0, 0, 0, 2, 3, 4, 0, 0, 0, 0], result.ToArray());
        Assert.Equal(0x1000ul, result.Symbols["t"]);
        Assert.Equal(0x1004ul, result.Symbols["r"]);
        Assert.Equal(0x1006ul, result.Symbols["d"]);
        Assert.Equal(0x1008ul, result.Symbols["b"]);
    }

    [Fact]
    public void Numeric_labels_are_the_nearest()
    {
        var bytes = Assembler.Assemble("1: .dword 1f, 1b\n1: .dword 1f, 1b\n1:").ToArray();
        Assert.Equal([16ul, 0ul, 32ul, 16ul],
            Enumerable.Range(0, 4).Select(i => BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(8 * i))));
    }

    [Fact]
    public void Defines_and_assignments_are_symbols()
    {
        var result =
            Assembler.Assemble(".set y, x * 2\nz = y + 1\n.equ forward, later + 1\n.dword forward\nlater:",
                new AssemblerOptions { Defines = new Dictionary<string, long> { ["x"] = 21 } });
        Assert.Equal(42ul, result.Symbols["y"]);
        Assert.Equal(43ul, result.Symbols["z"]);
        Assert.Equal(9ul, result.Symbols["forward"]);
        Assert.Equal(9ul, BinaryPrimitives.ReadUInt64LittleEndian(result.Bytes));
    }

    [Fact]
    public void Includes_are_found_beside_the_file()
    {
        var directory = Directory.CreateTempSubdirectory("warren-asm-").FullName;
        try
        {
            File.WriteAllText(Path.Combine(directory, "main.s"), ".include \"sub/part.s\"\n.incbin \"data.bin\"");
            Directory.CreateDirectory(Path.Combine(directory, "sub"));
            File.WriteAllText(Path.Combine(directory, "sub", "part.s"), ".byte 7\n");
            File.WriteAllBytes(Path.Combine(directory, "data.bin"), [8, 9]);
            Assert.Equal([7, 8, 9], Assembler.AssembleFiles([Path.Combine(directory, "main.s")], new AssemblerOptions()).ToArray());
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public void Elf_segments_are_separate_and_mappable()
    {
        var result = Assembler.Assemble(
            ".text\nnop\n.global begin\nbegin: ret\n.rodata\n.byte 1\n.data\n.dword 2\n.bss\n.zero 5000",
            new AssemblerOptions { Output = OutputKind.Elf, Base = 0x10000, Entry = "begin" });
        var elf = result.Bytes;
        Assert.Equal("\u007fELF"u8, elf[..4]);
        Assert.Equal(2, BinaryPrimitives.ReadUInt16LittleEndian(elf[16..]));
        Assert.Equal(243, BinaryPrimitives.ReadUInt16LittleEndian(elf[18..]));
        Assert.Equal(0x10004ul, BinaryPrimitives.ReadUInt64LittleEndian(elf[24..]));
        Assert.Equal(3, BinaryPrimitives.ReadUInt16LittleEndian(elf[56..]));
        uint[] flags = [5, 4, 6];
        ulong end = 0;
        for (var i = 0; i < 3; i++)
        {
            var header = elf[(64 + (56 * i))..];
            var offset = BinaryPrimitives.ReadUInt64LittleEndian(header[8..]);
            var address = BinaryPrimitives.ReadUInt64LittleEndian(header[16..]);
            var fileSize = BinaryPrimitives.ReadUInt64LittleEndian(header[32..]);
            var memorySize = BinaryPrimitives.ReadUInt64LittleEndian(header[40..]);
            Assert.Equal(1u, BinaryPrimitives.ReadUInt32LittleEndian(header));
            Assert.Equal(flags[i], BinaryPrimitives.ReadUInt32LittleEndian(header[4..]));
            Assert.Equal(address, BinaryPrimitives.ReadUInt64LittleEndian(header[24..]));
            Assert.Equal(0ul, address & 0xfff);
            Assert.Equal(address & 0xfff, offset & 0xfff);
            Assert.True(address >= end && fileSize <= memorySize && offset + fileSize <= (ulong)elf.Length);
            end = address + memorySize;
        }
        Assert.Equal(8ul + 5000, BinaryPrimitives.ReadUInt64LittleEndian(elf[(64 + 112 + 40)..]));
    }

    [Fact]
    public void An_entry_that_is_not_there_is_refused() =>
        Assert.Contains("'nope' is not defined",
            Assert.Throws<AssemblyException>(() => Assembler.Assemble("nop", new AssemblerOptions { Entry = "nope" })).Message,
            StringComparison.Ordinal);
}
