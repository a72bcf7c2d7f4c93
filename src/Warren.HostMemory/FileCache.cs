using Microsoft.Win32.SafeHandles;
using Warren.Locking;

namespace Warren.HostMemory;

/// <summary>
/// One open file of the process and its page arrays, one per frame pool. Lives as long as a <see cref="FileImage"/> or a mapping uses it.
/// All lists are guarded by one lock: opening and mapping files is rare.
/// </summary>
internal sealed class FileCache : IFrameHolder
{
    private static readonly Mutex TableLock = new(HostMemoryLocks.FileTable);
    private static readonly Dictionary<Key, FileCache> Table = [];

    private readonly Key _key;
    private readonly Dictionary<FramePool, FilePages> _pages = [];
    private int _users = 1;

    private FileCache(Key key, SafeFileHandle handle, long length)
    {
        _key = key;
        Handle = handle;
        Length = length;
    }

    internal SafeFileHandle Handle { get; }

    internal long Length { get; }

    /// <summary>The cache of the file at a path, with one more user.</summary>
    internal static FileCache Acquire(string path)
    {
        if (!HostOs.IsRegularFile(path))
            throw new UnauthorizedAccessException($"{path} is not a regular file.");
        var handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        var keep = false;
        try
        {
            var length = RandomAccess.GetLength(handle);
            var (device, inode, seconds, nanoseconds) = HostOs.Identify(handle);
            var key = new Key(device, inode, seconds, nanoseconds, length);
            TableLock.Lock();
            try
            {
                if (Table.TryGetValue(key, out var known))
                {
                    known._users++;
                    return known;
                }

                var made = new FileCache(key, handle, length);
                Table.Add(key, made);
                keep = true;
                return made;
            }
            finally
            {
                TableLock.Unlock();
            }
        }
        finally
        {
            if (!keep)
                handle.Dispose();
        }
    }

    /// <summary>The pages of this file in a pool, with one more user.</summary>
    internal FilePages PagesIn(FramePool pool)
    {
        TableLock.Lock();
        try
        {
            if (!_pages.TryGetValue(pool, out var pages))
            {
                pool.AddHolder(this);
                pages = new FilePages(this, pool);
                _pages.Add(pool, pages);
            }

            _users++;
            return pages;
        }
        finally
        {
            TableLock.Unlock();
        }
    }

    internal void AddUser()
    {
        TableLock.Lock();
        _users++;
        TableLock.Unlock();
    }

    internal void Release()
    {
        TableLock.Lock();
        try
        {
            if (--_users > 0)
                return;
            Table.Remove(_key);
            foreach (var (pool, pages) in _pages)
            {
                pool.RemoveHolder(this);
                pages.Drop();
            }

            _pages.Clear();
        }
        finally
        {
            // The lock is every pool's: a count that is wrong in one of them must not stop the others.
            TableLock.Unlock();
        }

        Handle.Dispose();
    }

    /// <summary>The pool goes away: its address spaces are gone, but an image may still be open.</summary>
    public void ForgetPool(FramePool pool)
    {
        TableLock.Lock();
        try
        {
            if (_pages.Remove(pool, out var pages))
                pages.Drop();
        }
        finally
        {
            TableLock.Unlock();
        }
    }

    private readonly record struct Key(ulong Device, ulong Inode, long ChangeSeconds, uint ChangeNanoseconds, long Length);
}
