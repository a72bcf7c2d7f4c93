using Warren.Locking;

namespace Warren.HostMemory;

/// <summary>Access by the process itself: devices, loaders, the library (copy_from_user, copy_to_user).</summary>
public sealed partial class AddressSpace
{
    /// <summary>Reads as the owning process would.</summary>
    /// <exception cref="HostMemoryException">EFAULT: not mapped or not readable. EIO: the file cannot be read. ENOMEM: out of frames or
    /// budget. Bytes before the failing page have been read.</exception>
    public unsafe void Read(Hva hva, Span<byte> destination)
    {
        using var balance = Check.Balanced();
        while (destination.Length > 0)
        {
            var count = Math.Min(destination.Length, FramePool.PageSize - (int)hva.PageOffset);
            var pfn = Pin(hva, write: false);
            new ReadOnlySpan<byte>(Pool.Pointer(pfn) + hva.PageOffset, count).CopyTo(destination);
            Pool.Put(pfn);
            hva += (ulong)count;
            destination = destination[count..];
        }
    }

    /// <summary>Writes as the owning process would: breaks shares, but knows nothing of any VM's dirty log or code.</summary>
    /// <exception cref="HostMemoryException">As <see cref="Read"/>; bytes before the failing page have been written.</exception>
    public unsafe void Write(Hva hva, ReadOnlySpan<byte> source)
    {
        using var balance = Check.Balanced();
        while (source.Length > 0)
        {
            var count = Math.Min(source.Length, FramePool.PageSize - (int)hva.PageOffset);
            var pfn = Pin(hva, write: true);
            source[..count].CopyTo(new Span<byte>(Pool.Pointer(pfn) + hva.PageOffset, count));
            Pool.Put(pfn);
            hva += (ulong)count;
            source = source[count..];
        }
    }

    private Pfn Pin(Hva hva, bool write)
    {
        var status = Fault(hva, write, out var mapping);
        return status switch
        {
            FaultStatus.Ok => mapping.Pfn,
            FaultStatus.NoVma => throw new HostMemoryException(Errno.EFAULT, $"nothing is mapped at 0x{hva:x}."),
            FaultStatus.Protection =>
                throw new HostMemoryException(Errno.EFAULT, $"the mapping at 0x{hva:x} may not be {(write ? "written" : "read")}."),
            FaultStatus.IoError =>
                throw new HostMemoryException(Errno.EIO, $"the file mapped at 0x{hva:x} ends before this page or cannot be read."),
            _ when _budget is { IsUsedUp: true } => throw new OutOfBudgetException(_budget),
            _ => throw new OutOfFramesException(),
        };
    }
}
