using Warren.HostMemory;

namespace Warren.Lab;

/// <summary>
/// A small frame pool that serves one schedule after another. It is handed on only when the schedule left no frame in use and none was
/// written behind the pool's back, so that each schedule finds what a new pool would give it: the lowest frames first, all metadata zero.
/// </summary>
internal sealed class LabPool : IDisposable
{
    /// <summary>Pages of the file every pool has cached, so that mapping it shares frames without any input from a disk.</summary>
    internal const int FilePages = 2;

    private const long Bytes = 4L << 20;

    /// <summary>Frames whose metadata is looked at and reset between schedules: more than any scenario uses.</summary>
    private const int WatchedFrames = 256;

    private static readonly System.Threading.Lock SpareLock = new();
    private static readonly Stack<LabPool> Spare = new();

    private LabPool()
    {
        Pool = new FramePool(Bytes);
        File = OpenFile();
        using var space = new AddressSpace(Pool);
        var hva = space.MapFile(File, 0, FilePages * (ulong)FramePool.PageSize, VmaProtection.Read);
        Span<byte> one = stackalloc byte[1];
        for (var page = 0; page < FilePages; page++)
            space.Read(hva + ((ulong)page * FramePool.PageSize), one);
        Cached = Pool.FramesInUse;
    }

    internal FramePool Pool { get; }

    /// <summary>Each 8-byte word of page n holds n + 1.</summary>
    internal FileImage File { get; }

    /// <summary>Frames that the file's cache holds.</summary>
    internal long Cached { get; }

    internal static LabPool Take()
    {
        lock (SpareLock)
        {
            if (Spare.TryPop(out var spare))
                return spare;
        }

        return new LabPool();
    }

    /// <summary>Keeps the pool for the next schedule if this one has given everything back; otherwise it goes.</summary>
    internal void Return()
    {
        if (Pool.FramesInUse != Cached)
        {
            Dispose();
            return;
        }

        for (var frame = 1 + (int)Cached; frame < WatchedFrames; frame++)
            Pool.Info(new Pfn(frame)) = default;
        lock (SpareLock)
            Spare.Push(this);
    }

    public void Dispose()
    {
        try
        {
            File.Dispose();
        }
        finally
        {
            Pool.Dispose();
        }
    }

    private static FileImage OpenFile()
    {
        var path = Path.GetTempFileName();
        try
        {
            var words = new ulong[FilePages * FramePool.PageSize / sizeof(ulong)];
            for (var i = 0; i < words.Length; i++)
                words[i] = (ulong)(i / (FramePool.PageSize / sizeof(ulong))) + 1;
            System.IO.File.WriteAllBytes(path, System.Runtime.InteropServices.MemoryMarshal.AsBytes<ulong>(words).ToArray());
            return FileImage.Open(path);
        }
        finally
        {
            System.IO.File.Delete(path);
        }
    }
}
