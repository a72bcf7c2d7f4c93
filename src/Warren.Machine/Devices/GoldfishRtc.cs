using Warren.Hypervisor;
using Warren.Locking;
using Warren.Machines.Scheduling;

namespace Warren.Machines.Devices;

/// <summary>
/// The "google,goldfish-rtc" real-time clock: 64-bit nanoseconds since 1970 UTC in two 32-bit halves, an alarm at such a moment, and a
/// level interrupt. Registers take 32-bit accesses; any other access reads 0 and writes nothing.
/// </summary>
internal sealed class GoldfishRtc : IMmioDevice, IInterruptSource, IDisposable
{
    /// <summary>Length of the register window, in bytes.</summary>
    public const ulong WindowSize = 0x1000;

    private const ulong TimeLow = 0x00;
    private const ulong TimeHigh = 0x04;
    private const ulong AlarmLow = 0x08;
    private const ulong AlarmHigh = 0x0c;
    private const ulong InterruptEnabled = 0x10;
    private const ulong ClearAlarm = 0x14;
    private const ulong AlarmStatus = 0x18;
    private const ulong ClearInterrupt = 0x1c;

    private readonly SpinLock _lock = new(BoardLocks.Rtc);
    private readonly TimerQueue _timers;
    private readonly IInterruptLine _line;
    private readonly AlarmTimer _timer;

    /// <summary>Guest time minus the host's monotonic time, in nanoseconds; the guest may set its clock.</summary>
    private ulong _offset;
    private ulong _alarm;
    private uint _timeHighLatch;
    private uint _timeHighWritten;
    private uint _alarmHighWritten;
    private bool _alarmRunning;
    private bool _interruptEnabled;
    private bool _interruptPending;

    public GoldfishRtc(TimerQueue timers, IInterruptLine line)
    {
        _timers = timers;
        _line = line;
        _timer = new AlarmTimer(this);
        _offset = (ulong)(DateTime.UtcNow - DateTime.UnixEpoch).Ticks * 100 - Monotonic();
    }

    public string Name => "rtc";

    public bool CanRaise
    {
        get
        {
            _lock.Lock();
            var can = _alarmRunning && _interruptEnabled && !_interruptPending;
            _lock.Unlock();
            return can;
        }
    }

    private ulong Now => Monotonic() + _offset;

    public ulong Read(ulong offset, int size)
    {
        if (size != 4)
            return 0;
        _lock.Lock();
        ulong value = ReadRegister(offset);
        _lock.Unlock();
        return value;
    }

    public void Write(ulong offset, int size, ulong value)
    {
        if (size != 4)
            return;
        _lock.Lock();
        WriteRegister(offset, (uint)value);
        UpdateLine();
        _lock.Unlock();
    }

    public void Dispose() => _timers.Disarm(_timer);

    private static ulong Monotonic() => (ulong)HostClock.Nanoseconds;

    private uint ReadRegister(ulong offset)
    {
        switch (offset)
        {
            case TimeLow:
                // Reading the low half latches the high one, so that the pair belongs together.
                var now = Now;
                _timeHighLatch = (uint)(now >> 32);
                return (uint)now;
            case TimeHigh:
                return _timeHighLatch;
            case AlarmLow:
                return (uint)_alarm;
            case AlarmHigh:
                return (uint)(_alarm >> 32);
            case InterruptEnabled:
                return _interruptEnabled ? 1u : 0u;
            case AlarmStatus:
                return _alarmRunning ? 1u : 0u;
            default:
                return 0;
        }
    }

    private void WriteRegister(ulong offset, uint value)
    {
        switch (offset)
        {
            case TimeLow:
                _offset = (((ulong)_timeHighWritten << 32) | value) - Monotonic();
                Schedule();
                break;
            case TimeHigh:
                _timeHighWritten = value;
                break;
            case AlarmLow:
                _alarm = ((ulong)_alarmHighWritten << 32) | value;
                _alarmRunning = true;
                Schedule();
                break;
            case AlarmHigh:
                _alarmHighWritten = value;
                break;
            case InterruptEnabled:
                _interruptEnabled = (value & 1) != 0;
                break;
            case ClearAlarm:
                _alarmRunning = false;
                Schedule();
                break;
            case ClearInterrupt:
                _interruptPending = false;
                break;
        }
    }

    /// <summary>Rings an alarm that is due, and has the timer armed for one that is not.</summary>
    private void Schedule()
    {
        var now = Now;
        if (_alarmRunning && _alarm <= now)
        {
            _alarmRunning = false;
            _interruptPending = true;
        }
        if (!_alarmRunning)
        {
            _timers.Disarm(_timer);
            return;
        }
        var wait = Math.Min(_alarm - now, long.MaxValue / 2);
        // ArmAhead: this runs under the lock that announcing a passed deadline takes.
        _timers.ArmAhead(_timer, HostClock.Nanoseconds + (long)wait);
    }

    private void UpdateLine() => _line.Set(_interruptPending && _interruptEnabled);

    private void Ring()
    {
        _lock.Lock();
        if (_alarmRunning)
            Schedule();
        UpdateLine();
        _lock.Unlock();
    }

    private sealed class AlarmTimer(GoldfishRtc rtc) : TimerEntry
    {
        protected internal override void Expired()
        {
            // Whether the alarm still stands is decided in Announce, under the device's own lock.
        }

        protected internal override void Announce() => rtc.Ring();
    }
}
