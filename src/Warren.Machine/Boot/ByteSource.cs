using Microsoft.Win32.SafeHandles;
using Warren.HostMemory;

namespace Warren.Machines.Boot;

/// <summary>Random access to the bytes of a file, or of memory in its place.</summary>
internal abstract class ByteSource : IDisposable
{
    public abstract long Length { get; }

    /// <summary>
    /// Reads from <paramref name="offset"/> until <paramref name="target"/> is full or the source ends; returns the count.
    /// </summary>
    public abstract int Read(long offset, Span<byte> target);

    /// <summary>Exactly <paramref name="count"/> bytes, or null when the source is shorter.</summary>
    public byte[]? ReadExactly(long offset, int count)
    {
        if (offset < 0 || offset > Length || count > Length - offset)
            return null;
        var bytes = new byte[count];
        return Read(offset, bytes) == count ? bytes : null;
    }

    public virtual void Dispose()
    {
    }

    /// <summary>
    /// Opens a file for reading; <paramref name="what"/> ("kernel", "initrd") names it in the <see cref="MachineConfigurationException"/>
    /// thrown when it is missing, no ordinary file, unreadable or empty. Never waits for another process.
    /// </summary>
    public static ByteSource OpenFile(string path, string what)
    {
        if (path.Length == 0)
            throw new MachineConfigurationException($"The name of the {what} is empty; name a file.");
        if (Directory.Exists(path))
            throw new MachineConfigurationException($"The {what} '{path}' is a directory; name the {what} file itself.");
        if (!FileImage.IsOrdinary(path))
        {
            throw new MachineConfigurationException(
                $"The {what} '{path}' is a pipe, socket or device; copy what it gives into a file, and name that.");
        }
        SafeFileHandle handle;
        try
        {
            handle = File.OpenHandle(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new MachineConfigurationException($"There is no {what} file '{path}'; check the name.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new MachineConfigurationException($"The {what} '{path}' cannot be read: {e.Message.TrimEnd('.')}.", e);
        }
        try
        {
            var source = new FileSource(handle);
            if (source.Length == 0)
            {
                throw new MachineConfigurationException(
                    $"The {what} '{path}' is empty, or made up by the host as those in /proc are; it was perhaps not written completely.");
            }
            // Those in /sys say how long they might be.
            return source.Read(source.Length - 1, stackalloc byte[1]) == 1
                ? source
                : throw new MachineConfigurationException(
                    $"The {what} '{path}' holds less than the {source.Length} bytes it is said to have; name an ordinary file.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            handle.Dispose();
            throw new MachineConfigurationException($"The {what} '{path}' cannot be read: {e.Message.TrimEnd('.')}.", e);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    private sealed class FileSource(SafeFileHandle handle) : ByteSource
    {
        public override long Length { get; } = RandomAccess.GetLength(handle);

        public override int Read(long offset, Span<byte> target)
        {
            var done = 0;
            while (done < target.Length)
            {
                var n = RandomAccess.Read(handle, target[done..], offset + done);
                if (n == 0)
                    break;
                done += n;
            }
            return done;
        }

        public override void Dispose()
        {
            handle.Dispose();
            base.Dispose();
        }
    }
}

/// <summary>A <see cref="ByteSource"/> over memory.</summary>
internal sealed class MemorySource(byte[] bytes) : ByteSource
{
    public override long Length => bytes.Length;

    public override int Read(long offset, Span<byte> target)
    {
        if (offset >= bytes.Length)
            return 0;
        var n = (int)Math.Min(target.Length, bytes.Length - offset);
        bytes.AsSpan((int)offset, n).CopyTo(target);
        return n;
    }
}
