using System.Runtime.InteropServices;

namespace Warren.HostMemory;

/// <summary>The few host system calls Warren's memory needs. The process sees each reservation as one large mapping.</summary>
internal static unsafe partial class HostOs
{
    private const int ProtReadWrite = 3;
    private const int MapPrivate = 0x02;
    private const int MapAnonymous = 0x20;
    private const int MapNoReserve = 0x4000;
    private const int MadvDontNeed = 4;
    private const int MadvDontFork = 10;
    private const int MadvHugePage = 14;
    private const int MadvNoHugePage = 15;
    private const int MadvDontDump = 16;

    /// <summary>Host pages may be larger than ours (arm64): memory goes back to the host in whole host pages only.</summary>
    internal static readonly nuint PageSize = (nuint)Environment.SystemPageSize;

    /// <summary>
    /// Reserves zeroed, private memory that the host commits at first touch: page by page, or where asked in huge pages. Neither
    /// copied into child processes nor dumped.
    /// </summary>
    /// <exception cref="ReservationException">A limit of the process, or the overcommit policy, does not allow it.</exception>
    internal static byte* Reserve(nuint bytes, bool hugePages)
    {
        var p = Mmap(null, bytes, ProtReadWrite, MapPrivate | MapAnonymous | MapNoReserve, -1, 0);
        if (p == (byte*)-1)
        {
            var error = Marshal.GetLastPInvokeError();
            throw new ReservationException(bytes,
                $"the host refuses {(ulong)bytes >> 20} MiB of address space for guest memory: {ProcessLimits.Explain(bytes, error)}");
        }

        // Advice: where a kernel lacks one of them, memory still works.
        _ = Madvise(p, bytes, hugePages ? MadvHugePage : MadvNoHugePage);
        _ = Madvise(p, bytes, MadvDontFork);
        _ = Madvise(p, bytes, MadvDontDump);
        return p;
    }

    internal static void Unreserve(byte* p, nuint bytes) => _ = Munmap(p, bytes);

    /// <summary>Gives the whole host pages within the range back; they read as zeros afterwards. False: nothing changed.</summary>
    internal static bool Discard(byte* p, nuint bytes) => Madvise(p, bytes, MadvDontNeed) == 0;

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial byte* Mmap(byte* address, nuint length, int protection, int flags, int descriptor, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Munmap(byte* address, nuint length);

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Madvise(byte* address, nuint length, int advice);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true)]
    private static partial int Statx(int directory, byte* path, int flags, uint mask, byte* result);

    /// <summary>
    /// True when a path leads to a regular file: opening a pipe could wait for ever. A path that leads nowhere counts as one, so that
    /// opening it says what is wrong.
    /// </summary>
    internal static bool IsRegularFile(string path)
    {
        const int CurrentDirectory = -100;
        const uint TypeAndMode = 3;
        const int FileTypeMask = 0xf000;
        const int RegularFile = 0x8000;
        var buffer = stackalloc ulong[32];
        new Span<ulong>(buffer, 32).Clear();
        fixed (byte* name = System.Text.Encoding.UTF8.GetBytes(path + '\0'))
        {
            // stx_mode, 16 bits at 28.
            return Statx(CurrentDirectory, name, 0, TypeAndMode, (byte*)buffer) != 0
                || (*(ushort*)((byte*)buffer + 28) & FileTypeMask) == RegularFile;
        }
    }

    /// <summary>
    /// The identity of the file an open descriptor refers to, and its version; the same on every architecture (statx(2)).
    /// </summary>
    internal static (ulong Device, ulong Inode, long ChangeSeconds, uint ChangeNanoseconds) Identify(SafeHandle file)
    {
        const int AtEmptyPath = 0x1000;
        const uint BasicStats = 0x7ff;
        var added = false;
        file.DangerousAddRef(ref added);
        try
        {
            var empty = stackalloc byte[1];
            empty[0] = 0;
            var buffer = stackalloc ulong[32];
            new Span<ulong>(buffer, 32).Clear();
            if (Statx((int)file.DangerousGetHandle(), empty, AtEmptyPath, BasicStats, (byte*)buffer) != 0)
                throw new HostMemoryException(Errno.EIO, $"the host cannot say what file this is (errno {Marshal.GetLastPInvokeError()}).");
            // stx_ino at 32, stx_ctime at 96 (seconds, nanoseconds), stx_dev_major and _minor at 136.
            return (buffer[17], buffer[4], (long)buffer[12], (uint)buffer[13]);
        }
        finally
        {
            if (added)
                file.DangerousRelease();
        }
    }
}
