using System.Buffers.Binary;

namespace Warren.Machines.Boot;

/// <summary>
/// Reads a bare ELF64 RISC-V executable (System V ABI, and the RISC-V ELF psABI for machine number and flags): PT_LOAD segments go to
/// their physical addresses.
/// </summary>
internal static class ElfKernel
{
    private const int HeaderSize = 64;
    private const int ProgramHeaderSize = 56;
    private const int MaxProgramHeaders = 256;
    private const ushort TypeExecutable = 2;
    private const ushort TypeShared = 3;
    private const ushort MachineRiscv = 243;
    private const uint SegmentLoad = 1;
    private const uint SegmentInterpreter = 3;

    /// <summary>Physical addresses have 56 bits with every paging mode of RV64 (privileged manual, Sv39 to Sv57).</summary>
    private const ulong MaxPhysicalAddress = 1UL << 56;

    public static bool IsPresent(ReadOnlySpan<byte> head) => head.StartsWith("\u007fELF"u8);

    /// <summary>Throws <see cref="MachineConfigurationException"/> for whatever cannot be started bare.</summary>
    public static KernelImage Parse(ByteSource file, string path)
    {
        var header = file.ReadExactly(0, HeaderSize) ?? throw Refuse(path, "is an ELF file cut short; copy it again.");
        if (header[5] != 1)
            throw Refuse(path, "is a big-endian ELF file; take one built for riscv64, which is little-endian.");
        var machine = U16(header, 18);
        if (machine != MachineRiscv)
            throw Refuse(path, $"is for another machine ({ForeignKernel.ElfMachine(machine)}); take one built for riscv64.");
        if (header[4] != 2)
            throw Refuse(path, "is a 32-bit RISC-V program; take one built for riscv64.");
        var type = U16(header, 16);
        if (type is not (TypeExecutable or TypeShared))
            throw Refuse(path, "is an ELF file that is no executable (an object or core file); link it first.");
        var loads = ReadSegments(file, header, path);
        if (MachineModeFirmware.DescribeOpenSbi(file) is { } firmware)
            throw Refuse(path, firmware);
        if (type == TypeShared)
        {
            throw Refuse(path, MachineModeFirmware.Describe(file)
                ?? "is a position-independent ELF file; link it without PIE, at its physical address (RAM begins at 0x80000000).");
        }
        if (loads.Find(l => l.Segment.Address >= MaxPhysicalAddress) is { Segment: { MemorySize: > 0 } lost })
        {
            throw Refuse(path, $"is linked at a virtual address (0x{lost.Address:x}), and nothing in it says where in memory it goes; "
                + "take the flat 'Image' of the same build, or link it with physical load addresses (RAM begins at 0x80000000).");
        }
        var entry = PhysicalEntry(loads, U64(header, 24))
            ?? throw Refuse(path, "has its entry point outside of what it loads; check how it was linked.");
        return new KernelImage(path, path, KernelFormat.Elf, entry, loads.ConvertAll(l => l.Segment));
    }

    private static List<(KernelSegment Segment, ulong VirtualAddress)> ReadSegments(ByteSource file, byte[] header, string path)
    {
        var tableOffset = U64(header, 32);
        int entrySize = U16(header, 54);
        int count = U16(header, 56);
        if (count == 0 || entrySize < ProgramHeaderSize || count > MaxProgramHeaders || tableOffset > long.MaxValue)
            throw Refuse(path, "is an ELF file without usable program headers, so nothing says what to load; link it as an executable.");
        var table = file.ReadExactly((long)tableOffset, count * entrySize)
            ?? throw Refuse(path, "is an ELF file cut short (its program headers lie behind its end); copy it again.");
        var loads = new List<(KernelSegment Segment, ulong VirtualAddress)>();
        for (var i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> p = table.AsSpan(i * entrySize, ProgramHeaderSize);
            var kind = BinaryPrimitives.ReadUInt32LittleEndian(p);
            if (kind == SegmentInterpreter)
                throw Refuse(path, "is a program for an operating system (it asks for a dynamic linker), not a bare-metal executable.");
            ulong offset = U64(p, 8), address = U64(p, 24), fileSize = U64(p, 32), memorySize = U64(p, 40);
            if (kind != SegmentLoad || memorySize == 0)
                continue;
            if (fileSize > memorySize || address + memorySize < address)
                throw Refuse(path, "is an ELF file with a segment of impossible size; copy or link it again.");
            if (offset > (ulong)file.Length || fileSize > (ulong)file.Length - offset)
                throw Refuse(path, "is an ELF file cut short (a segment lies behind its end); copy it again.");
            loads.Add((new KernelSegment(address, (long)offset, fileSize, memorySize), U64(p, 16)));
        }
        if (loads.Count == 0)
            throw Refuse(path, "is an ELF file without anything to load; link it as an executable.");
        loads.Sort((a, b) => a.Segment.Address.CompareTo(b.Segment.Address));
        for (var i = 1; i < loads.Count; i++)
        {
            if (loads[i].Segment.Address < loads[i - 1].Segment.End)
                throw Refuse(path, "is an ELF file whose segments overlap in physical memory; check how it was linked.");
        }
        return loads;
    }

    /// <summary>e_entry is a virtual address; with paging off the guest begins at the same byte's physical address.</summary>
    private static ulong? PhysicalEntry(List<(KernelSegment Segment, ulong VirtualAddress)> loads, ulong entry)
    {
        foreach ((var segment, var virtualAddress) in loads)
        {
            if (entry - virtualAddress < segment.FileSize)
                return entry - virtualAddress + segment.Address;
        }
        foreach ((var segment, _) in loads)
        {
            if (entry - segment.Address < segment.FileSize)
                return entry;
        }
        return null;
    }

    private static MachineConfigurationException Refuse(string path, string what) => new($"The kernel '{path}' {what}");

    private static ushort U16(ReadOnlySpan<byte> b, int at) => BinaryPrimitives.ReadUInt16LittleEndian(b[at..]);

    private static ulong U64(ReadOnlySpan<byte> b, int at) => BinaryPrimitives.ReadUInt64LittleEndian(b[at..]);
}
