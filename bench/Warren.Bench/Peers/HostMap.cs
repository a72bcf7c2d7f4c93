using System.Runtime.InteropServices;

namespace Warren.Bench.Peers;

/// <summary>Anonymous and descriptor mappings of the host, for the peers that need memory of the host kernel's own.</summary>
internal static unsafe partial class HostMap
{
    private const int ProtReadWrite = 3, MapShared = 1, MapPrivate = 2, MapAnonymous = 0x20, MapNoReserve = 0x4000;
    private const int DontNeed = 4, NoHugePage = 15;

    /// <summary>Maps <paramref name="length"/> bytes, anonymous when <paramref name="fd"/> is -1.</summary>
    /// <exception cref="InvalidOperationException">The host refuses.</exception>
    public static nint Map(nuint length, bool shared = false, int fd = -1)
    {
        var flags = (shared ? MapShared : MapPrivate) | (fd < 0 ? MapAnonymous | MapNoReserve : 0);
        var p = MemoryMap(0, length, ProtReadWrite, flags, fd, 0);
        return p != -1 ? p
            : throw new InvalidOperationException($"mmap of {length} bytes failed with errno {Marshal.GetLastPInvokeError()}.");
    }

    public static void Unmap(nint address, nuint length) => _ = MemoryUnmap(address, length);

    public static void SmallPagesOnly(nint address, nuint length) => _ = MemoryAdvise(address, length, NoHugePage);

    public static void Discard(nint address, nuint length) => _ = MemoryAdvise(address, length, DontNeed);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint MemoryMap(nint address, nuint length, int protection, int flags, int fd, long offset);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    private static partial int MemoryUnmap(nint address, nuint length);

    [LibraryImport("libc", EntryPoint = "madvise", SetLastError = true)]
    private static partial int MemoryAdvise(nint address, nuint length, int advice);
}
