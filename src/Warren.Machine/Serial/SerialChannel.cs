using System.Diagnostics.CodeAnalysis;
using System.Threading;
using SpinLock = Warren.Locking.SpinLock;

namespace Warren.Machines.Serial;

/// <summary>The device at the guest's end of a <see cref="SerialChannel"/>. Called by host threads, with no channel lock held.</summary>
internal interface ISerialDevice
{
    /// <summary>There are bytes to take.</summary>
    void InputArrived();

    /// <summary>There is room again, after <see cref="SerialChannel.Put"/> took less than it was given.</summary>
    void OutputDrained();
}

/// <summary>
/// The two bounded queues between a serial device and the host. The device's side (<see cref="Put"/>, <see cref="Take"/>) is called
/// under the device's lock and never waits. The host's readers are woken by <see cref="Flush"/>, which the vCPU scheduler calls at the
/// end of each time slice, or at once when half of the queue is full: so a kernel's log reaches the host in few large pieces, and an
/// echo as soon as the guest has nothing else to do.
/// </summary>
[SuppressMessage("Usage", "CA2213",
    Justification = "Its semaphores own nothing, and whoever still waits on one must find the channel closed, not gone.")]
internal sealed class SerialChannel : ISerialPort, IDisposable
{
    private readonly ByteRing _toHost;
    private readonly ByteRing _toGuest;
    private readonly SpinLock _hostLock = new(BoardLocks.SerialHost);
    private readonly AsyncSignal _readable = new();
    private readonly AsyncSignal _writable = new();
    private readonly SemaphoreSlim _readers = new(1, 1);
    private readonly SemaphoreSlim _writers = new(1, 1);
    private ISerialDevice? _device;
    private int _deviceWaits;
    private int _unflushed;
    private bool _discard;
    private bool _closed;
    private long _fromGuest;
    private long _toGuestTaken;

    public SerialChannel(int capacity, bool discardOutput = false)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 64);
        _toHost = new ByteRing(capacity);
        _toGuest = new ByteRing(capacity);
        _discard = discardOutput;
    }

    public long BytesFromGuest => Volatile.Read(ref _fromGuest);

    public long BytesToGuest => Volatile.Read(ref _toGuestTaken);

    private bool HasEnded => Volatile.Read(ref _closed);

    public void Attach(ISerialDevice device) => _device = device;

    // ---- the device's side ----

    /// <summary>
    /// Queues bytes for the host; returns how many were taken. Less than all: <see cref="ISerialDevice.OutputDrained"/> follows.
    /// </summary>
    public int Put(ReadOnlySpan<byte> bytes)
    {
        if (Volatile.Read(ref _discard))
        {
            _fromGuest += bytes.Length;
            return bytes.Length;
        }
        var n = _toHost.Write(bytes);
        if (n < bytes.Length)
        {
            // A reader that drains between the failed write and this store would not see it, so try once more behind the fence.
            Interlocked.Exchange(ref _deviceWaits, 1);
            n += _toHost.Write(bytes[n..]);
        }
        Volatile.Write(ref _fromGuest, _fromGuest + n);
        Volatile.Write(ref _unflushed, 1);
        if (_toHost.Count >= _toHost.Capacity / 2)
            Flush();
        return n;
    }

    /// <summary>Takes bytes from the host; returns how many there were.</summary>
    public int Take(Span<byte> target)
    {
        var n = _toGuest.Read(target);
        if (n > 0)
        {
            Volatile.Write(ref _toGuestTaken, _toGuestTaken + n);
            if (_writable.IsArmed && _toGuest.Free >= _toGuest.Capacity / 2)
                _writable.Set();
        }
        return n;
    }

    /// <summary>Wakes a waiting reader if there is something new for it. Any thread, at any time.</summary>
    public void Flush()
    {
        if (Volatile.Read(ref _unflushed) != 0 && Interlocked.Exchange(ref _unflushed, 0) != 0)
            _readable.Set();
    }

    // ---- the host's side ----

    public int Read(Span<byte> buffer)
    {
        _hostLock.Lock();
        var n = _toHost.Read(buffer);
        _hostLock.Unlock();
        if (n > 0)
        {
            Interlocked.MemoryBarrier();
            if (Volatile.Read(ref _deviceWaits) != 0 && Interlocked.Exchange(ref _deviceWaits, 0) != 0)
                _device?.OutputDrained();
        }
        return n;
    }

    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.Length == 0)
            return 0;
        await _readers.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            while (true)
            {
                var ended = HasEnded;
                var n = Read(buffer.Span);
                if (n > 0 || ended)
                    return n;
                _readable.Arm();
                if (_toHost.Count > 0 || HasEnded)
                    _readable.Disarm();
                else
                    await _readable.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            _readers.Release();
        }
    }

    public int Write(ReadOnlySpan<byte> bytes)
    {
        if (HasEnded)
            return 0;
        _hostLock.Lock();
        var n = _toGuest.Write(bytes);
        _hostLock.Unlock();
        if (n > 0)
            _device?.InputArrived();
        return n;
    }

    public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken = default)
    {
        await _writers.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            while (true)
            {
                if (HasEnded)
                    throw new IOException("The machine has ended; nothing reads its serial port any more.");
                bytes = bytes[Write(bytes.Span)..];
                if (bytes.IsEmpty)
                    return;
                _writable.Arm();
                if (_toGuest.Free > 0 || HasEnded)
                    _writable.Disarm();
                else
                    await _writable.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            _writers.Release();
        }
    }

    /// <summary>From now on the guest's output goes nowhere; what is queued can still be read.</summary>
    public void DiscardOutput()
    {
        Volatile.Write(ref _discard, true);
        _device?.OutputDrained();
    }

    /// <summary>The guest is gone: readers get what is left and then 0, writers an error.</summary>
    public void Close()
    {
        Volatile.Write(ref _closed, true);
        _readable.Set();
        _writable.Set();
    }

    public void Dispose() => Close();
}
