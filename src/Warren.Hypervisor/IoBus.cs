using Warren.Locking;

namespace Warren.Hypervisor;

/// <summary>
/// Guest physical addresses of devices (<c>struct kvm_io_bus</c>): a sorted table that is replaced as a whole. Lookups take no lock and
/// allocate nothing.
/// </summary>
public sealed class IoBus
{
    private readonly record struct Entry(Gpa Start, Gpa End, IMmioDevice Device);

    private readonly Srcu _srcu;
    private readonly Mutex _lock = new(HypervisorLocks.IoBusLock);
    private readonly Action<IMmioDevice, Exception>? _deviceFailed;
    private Entry[] _entries = [];

    /// <param name="srcu">Entered around each access, waited for by <see cref="Unregister"/>.</param>
    /// <param name="deviceFailed">Gets a device that threw, and what.</param>
    internal IoBus(Srcu srcu, Action<IMmioDevice, Exception>? deviceFailed = null)
    {
        _srcu = srcu;
        _deviceFailed = deviceFailed;
    }

    /// <summary>Adds a device at [<paramref name="gpa"/>, <paramref name="gpa"/> + <paramref name="length"/>).</summary>
    /// <exception cref="ArgumentException">the range is empty, wraps, or overlaps another device</exception>
    public void Register(IMmioDevice device, Gpa gpa, ulong length)
    {
        ArgumentNullException.ThrowIfNull(device);
        if (length == 0 || gpa + length < gpa)
            throw new ArgumentException($"Device {device.Name} at 0x{gpa:x} cannot have length 0x{length:x}.");
        _lock.Lock();
        try
        {
            var old = Atomics.Read(ref _entries, this);
            var at = Floor(old, gpa) + 1;
            if (at > 0 && old[at - 1].End > gpa) throw Overlap(device, gpa, old[at - 1]);
            if (at < old.Length && old[at].Start < gpa + length) throw Overlap(device, gpa, old[at]);
            Entry[] entries = [.. old[..at], new Entry(gpa, gpa + length, device), .. old[at..]];
            Atomics.Write(ref _entries, entries, this);
        }
        finally
        {
            _lock.Unlock();
        }
    }

    /// <summary>
    /// Removes every range of <paramref name="device"/>; when it returns, no access is inside the device. Not from within one.
    /// </summary>
    public void Unregister(IMmioDevice device)
    {
        _lock.Lock();
        try
        {
            Atomics.Write(ref _entries, Array.FindAll(Atomics.Read(ref _entries, this), e => e.Device != device), this);
        }
        finally
        {
            _lock.Unlock();
        }
        _srcu.Synchronize();
    }

    /// <returns>false when no device has all <paramref name="size"/> bytes</returns>
    public bool Read(Gpa gpa, int size, out ulong value)
    {
        value = 0;
        var srcu = _srcu.ReadLock();
        try
        {
            if (!Find(gpa, size, out var entry)) return false;
            try
            {
                value = entry.Device.Read(gpa - entry.Start, size);
            }
            catch (Exception e) when (_deviceFailed is not null)
            {
                _deviceFailed(entry.Device, e);
            }
            return true;
        }
        finally
        {
            _srcu.ReadUnlock(srcu);
        }
    }

    /// <inheritdoc cref="Read"/>
    public bool Write(Gpa gpa, int size, ulong value)
    {
        var srcu = _srcu.ReadLock();
        try
        {
            if (!Find(gpa, size, out var entry)) return false;
            try
            {
                entry.Device.Write(gpa - entry.Start, size, value);
            }
            catch (Exception e) when (_deviceFailed is not null)
            {
                _deviceFailed(entry.Device, e);
            }
            return true;
        }
        finally
        {
            _srcu.ReadUnlock(srcu);
        }
    }

    private bool Find(Gpa gpa, int size, out Entry entry)
    {
        var entries = Atomics.Read(ref _entries, this);
        var index = Floor(entries, gpa);
        entry = index < 0 ? default : entries[index];
        // End is exclusive and above Start: no wrap in the subtraction once gpa is inside.
        return index >= 0 && gpa < entry.End && entry.End - gpa >= (ulong)size;
    }

    private static int Floor(Entry[] entries, Gpa gpa)
    {
        int low = 0, high = entries.Length;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (entries[middle].Start <= gpa) low = middle + 1;
            else high = middle;
        }
        return low - 1;
    }

    private static ArgumentException Overlap(IMmioDevice device, Gpa gpa, Entry other) =>
        new($"Device {device.Name} at 0x{gpa:x} overlaps {other.Device.Name} at 0x{other.Start:x} to 0x{other.End - 1:x}.");
}
