using System.Runtime.InteropServices;

namespace Warren.Machines.Scheduling;

/// <summary>
/// Lets one thread sleep until a moment in nanoseconds, or until another thread interrupts it. The framework's waits round to
/// milliseconds, four of which are a whole tick of the guest's kernel; ppoll(2) on an eventfd(2) does not.
/// </summary>
internal sealed partial class PreciseSleeper : IDisposable
{
    private const short PollIn = 1;
    private const int CloseOnExec = 0x80000;
    private const int NonBlocking = 0x800;

    private readonly int _event;

    public PreciseSleeper()
    {
        _event = EventFd(0, CloseOnExec | NonBlocking);
        if (_event < 0)
            throw new IOException($"The host gives no event descriptor (errno {Marshal.GetLastPInvokeError()}); too many open files?");
    }

    /// <summary>
    /// Sleeps for <paramref name="nanoseconds"/>, for ever when negative, or until <see cref="Interrupt"/>, whichever is first.
    /// </summary>
    public unsafe void Sleep(long nanoseconds)
    {
        var poll = new PollFd { Descriptor = _event, Events = PollIn };
        var timeout = new TimeSpec { Seconds = (nint)(nanoseconds / 1_000_000_000), Nanoseconds = (nint)(nanoseconds % 1_000_000_000) };
        if (PPoll(&poll, 1, nanoseconds < 0 ? null : &timeout, null) > 0)
        {
            ulong count;
            // Resets the counter; the result does not matter, because only this thread reads.
            _ = Read(_event, &count, sizeof(ulong));
        }
    }

    /// <summary>Ends the present sleep, or the next one at once. Any thread.</summary>
    public unsafe void Interrupt()
    {
        ulong one = 1;
        _ = Write(_event, &one, sizeof(ulong));
    }

    public void Dispose() => _ = Close(_event);

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    private static partial int EventFd(uint initial, int flags);

    [LibraryImport("libc", EntryPoint = "ppoll", SetLastError = true)]
    private static unsafe partial int PPoll(PollFd* descriptors, nuint count, TimeSpec* timeout, void* signalMask);

    [LibraryImport("libc", EntryPoint = "read")]
    private static unsafe partial nint Read(int descriptor, void* buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "write")]
    private static unsafe partial nint Write(int descriptor, void* buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);

    private struct PollFd
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }

    private struct TimeSpec
    {
        public nint Seconds;
        public nint Nanoseconds;
    }
}
