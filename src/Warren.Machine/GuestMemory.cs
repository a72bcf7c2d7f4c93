using Warren.HostMemory;
using Warren.Hypervisor;
using Warren.Hypervisor.Slots;
using Warren.Machines.Boot;

namespace Warren.Machines;

/// <summary>
/// A machine's RAM: one anonymous mapping in an address space of its own, one memslot over it. Kernel and initrd are mapped into it
/// privately, page by page shared with every machine of the process until the guest writes; only what does not fall on page
/// borders is copied.
/// </summary>
internal sealed class GuestMemory : IDisposable
{
    private const ulong PageSize = 4096;
    private const ulong OffsetMask = PageSize - 1;
    private const uint RamSlot = 0;
    private const VmaProtection ReadWrite = VmaProtection.Read | VmaProtection.Write;

    private readonly List<FileImage> _files = [];
    private readonly Hva _hva;

    public GuestMemory(FramePool frames, MemoryBudget? budget, ulong size)
    {
        Size = size;
        Space = new AddressSpace(frames, budget);
        // A block is charged whole when its first page is touched: a budget that may be used up is used page by page.
        _hva = Space.Map(size, ReadWrite, hugePages: budget is null || (ulong)budget.Limit >= size);
    }

    private static Gpa Ram => new(MemoryMap.Ram);

    public AddressSpace Space { get; }

    /// <summary>Bytes, from <see cref="MemoryMap.Ram"/>.</summary>
    public ulong Size { get; }

    /// <summary>True when all of a range of guest physical addresses is RAM.</summary>
    public bool Contains(Gpa address, ulong length)
        => address >= Ram && address - Ram <= Size && length <= Size - (address - Ram);

    /// <summary>Gives the VM its memslot.</summary>
    public void Attach(VirtualMachine vm) => vm.SetUserMemoryRegion(new UserMemoryRegion
    {
        Slot = RamSlot,
        GuestPhysicalAddress = Ram,
        MemorySize = Size,
        UserspaceAddress = _hva,
    });

    /// <summary>Places every segment of a kernel. What a segment does not fill from the file is zero already.</summary>
    public void LoadKernel(KernelImage kernel)
    {
        var file = Open(kernel.Path);
        foreach (var s in kernel.Segments)
            LoadSegment(file, kernel.Path, s);
    }

    /// <summary>Maps a whole file at a page-aligned guest physical address.</summary>
    public void LoadFile(string path, Gpa address, ulong length)
        => MapPages(Open(path), 0, address, (length + OffsetMask) & ~OffsetMask);

    public void Write(Gpa address, ReadOnlySpan<byte> bytes) => Space.Write(HvaOf(address), bytes);

    public void Dispose()
    {
        Space.Dispose();
        foreach (var file in _files)
            file.Dispose();
    }

    private Hva HvaOf(Gpa address) => _hva + (address - Ram);

    private FileImage Open(string path)
    {
        var file = FileImage.Open(path);
        _files.Add(file);
        return file;
    }

    private void LoadSegment(FileImage file, string path, KernelSegment s)
    {
        var congruent = ((s.Address ^ (ulong)s.FileOffset) & OffsetMask) == 0;
        var start = (s.Address + OffsetMask) & ~OffsetMask;
        var end = s.Address + s.FileSize;
        // The last page may be mapped too where the file ends in it: what follows reads as zero.
        var mapEnd = s.FileOffset + (long)s.FileSize == file.Length ? (end + OffsetMask) & ~OffsetMask : end & ~OffsetMask;
        if (!congruent || mapEnd <= start)
        {
            Copy(path, s.FileOffset, new Gpa(s.Address), s.FileSize);
            return;
        }
        Copy(path, s.FileOffset, new Gpa(s.Address), start - s.Address);
        MapPages(file, s.FileOffset + (long)(start - s.Address), new Gpa(start), mapEnd - start);
        if (mapEnd < end)
            Copy(path, s.FileOffset + (long)(mapEnd - s.Address), new Gpa(mapEnd), end - mapEnd);
    }

    private void MapPages(FileImage file, long offset, Gpa address, ulong length)
        => Space.MapFile(file, offset, length, ReadWrite, HvaOf(address));

    private void Copy(string path, long offset, Gpa address, ulong length)
    {
        if (length == 0)
            return;
        using var source = ByteSource.OpenFile(path, "kernel");
        var buffer = new byte[(int)Math.Min(length, 1 << 20)];
        while (length > 0)
        {
            var n = source.Read(offset, buffer.AsSpan(0, (int)Math.Min(length, (ulong)buffer.Length)));
            if (n == 0)
                throw new MachineConfigurationException($"The kernel '{path}' became shorter while it was being read; try again.");
            Space.Write(HvaOf(address), buffer.AsSpan(0, n));
            offset += n;
            address += (ulong)n;
            length -= (ulong)n;
        }
    }
}
