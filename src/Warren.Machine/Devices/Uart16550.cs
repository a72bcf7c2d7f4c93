using Warren.Hypervisor;
using Warren.Locking;
using Warren.Machines.Serial;

namespace Warren.Machines.Devices;

/// <summary>
/// An NS16550A UART: eight byte-wide registers, 16-byte FIFOs, one level interrupt (TI PC16550D datasheet). The line is the host's
/// <see cref="SerialChannel"/>: transmission takes no time while the host's queue has room, and the receive FIFO is filled only as far
/// as it has room, so nothing is ever lost outside of loopback. An access of more than a byte reaches the register at its first byte.
/// </summary>
internal sealed class Uart16550 : IMmioDevice, ISerialDevice, IInterruptSource
{
    /// <summary>Length of the register window, in bytes.</summary>
    public const ulong WindowSize = 0x100;

    private readonly SpinLock _lock = new(BoardLocks.Uart);
    private readonly SerialChannel _channel;
    private readonly IInterruptLine _line;
    private readonly LineWatcher? _watcher;
    private readonly byte[] _one = new byte[1];
    private readonly byte[] _burst = new byte[ByteFifo.Size];

    private ByteFifo _receive;
    private ByteFifo _transmit;
    private InterruptEnable _enable;
    private LineControl _lineControl;
    private ModemControl _modemControl;
    private LineStatus _errors;
    private ModemStatus _modemStatus = ModemStatus.Connected;
    private byte _scratch;
    private byte _divisorLow = 1;
    private byte _divisorHigh;
    private byte _trigger = 1;
    private bool _fifoEnabled;
    private bool _transmitEmptyPending;
    private bool _lineLevel;
    private bool _usesFlowControl;
    private bool _looksForInput;

    public Uart16550(string name, SerialChannel channel, IInterruptLine line, LineWatcher? watcher = null)
    {
        Name = name;
        _channel = channel;
        _line = line;
        _watcher = watcher;
        channel.Attach(this);
    }

    public string Name { get; }

    /// <summary>
    /// By input, where the guest takes some and wants to be told; by a host that reads on, where the transmitter waits for it.
    /// </summary>
    public bool CanRaise
    {
        get
        {
            _lock.Lock();
            var can = !_lineLevel
                && (((_enable & InterruptEnable.DataAvailable) != 0 && MayReceive && !IsLoopback)
                    || ((_enable & InterruptEnable.TransmitterEmpty) != 0 && _transmit.Count > 0));
            _lock.Unlock();
            return can;
        }
    }

    private bool IsLoopback => (_modemControl & ModemControl.Loopback) != 0;

    private int FifoDepth => _fifoEnabled ? ByteFifo.Size : 1;

    private bool DivisorSelected => (_lineControl & LineControl.DivisorLatch) != 0;

    /// <summary>
    /// A guest that uses the modem lines holds its input off while it has RTS low; one that never touches them gets its input from
    /// the moment it first looks for some. So nothing typed ahead is lost in the FIFO resets of a driver that is only starting.
    /// </summary>
    private bool MayReceive => _usesFlowControl ? (_modemControl & ModemControl.RequestToSend) != 0 : _looksForInput;

    public ulong Read(ulong offset, int size)
    {
        if (offset > 7)
            return 0;
        _lock.Lock();
        var value = ReadRegister((UartRegister)offset);
        UpdateInterrupt();
        _lock.Unlock();
        return value;
    }

    public void Write(ulong offset, int size, ulong value)
    {
        if (offset > 7)
            return;
        _lock.Lock();
        WriteRegister((UartRegister)offset, (byte)value);
        UpdateInterrupt();
        _lock.Unlock();
    }

    public void InputArrived()
    {
        _lock.Lock();
        Receive();
        UpdateInterrupt();
        _lock.Unlock();
    }

    public void OutputDrained()
    {
        _lock.Lock();
        Transmit();
        UpdateInterrupt();
        _lock.Unlock();
    }

    /// <summary>Sends bytes past the registers (SBI debug console); returns how many the host's queue took.</summary>
    public int DebugWrite(ReadOnlySpan<byte> bytes)
    {
        _lock.Lock();
        var n = _transmit.Count == 0 ? _channel.Put(bytes) : 0;
        for (var i = 0; i < n; i++)
            _watcher?.Feed(bytes[i]);
        _lock.Unlock();
        return n;
    }

    /// <summary>Takes received bytes past the registers (SBI debug console); returns how many there were.</summary>
    public int DebugRead(Span<byte> target)
    {
        _lock.Lock();
        var n = 0;
        while (n < target.Length && _receive.Count > 0)
            target[n++] = _receive.Pop();
        if (n < target.Length)
            n += _channel.Take(target[n..]);
        Receive();
        UpdateInterrupt();
        _lock.Unlock();
        return n;
    }

    /// <summary>The last line the guest has written, or "".</summary>
    public string LastLine()
    {
        _lock.Lock();
        var line = _watcher?.LastLine ?? string.Empty;
        _lock.Unlock();
        return line;
    }

    private byte ReadRegister(UartRegister register)
    {
        switch (register)
        {
            case UartRegister.Data:
                return DivisorSelected ? _divisorLow : ReadReceiver();
            case UartRegister.InterruptEnable:
                return DivisorSelected ? _divisorHigh : (byte)_enable;
            case UartRegister.InterruptIdentification:
                var id = Identify();
                // Reading the register is what acknowledges "transmitter empty", and only when that is what it says.
                if (id == InterruptIdentification.TransmitterEmpty)
                    _transmitEmptyPending = false;
                return (byte)(id | (_fifoEnabled ? InterruptIdentification.FifosEnabled : 0));
            case UartRegister.LineControl:
                return (byte)_lineControl;
            case UartRegister.ModemControl:
                return (byte)_modemControl;
            case UartRegister.LineStatus:
                LookForInput();
                var line = CurrentLineStatus();
                _errors = 0;
                return (byte)line;
            case UartRegister.ModemStatus:
                var modem = _modemStatus;
                _modemStatus &= ~ModemStatus.Deltas;
                return (byte)modem;
            default:
                return _scratch;
        }
    }

    private void WriteRegister(UartRegister register, byte value)
    {
        switch (register)
        {
            case UartRegister.Data:
                if (DivisorSelected)
                    _divisorLow = value;
                else
                    WriteTransmitter(value);
                break;
            case UartRegister.InterruptEnable:
                if (DivisorSelected)
                {
                    _divisorHigh = value;
                    break;
                }
                var enable = (InterruptEnable)value & InterruptEnable.All;
                // Enabling the interrupt while the transmitter is already empty raises it.
                if ((enable & ~_enable & InterruptEnable.TransmitterEmpty) != 0 && _transmit.Count == 0)
                    _transmitEmptyPending = true;
                _enable = enable;
                if ((enable & InterruptEnable.DataAvailable) != 0)
                    LookForInput();
                break;
            case UartRegister.InterruptIdentification:
                WriteFifoControl((FifoControl)value);
                break;
            case UartRegister.LineControl:
                _lineControl = (LineControl)value;
                break;
            case UartRegister.ModemControl:
                WriteModemControl((ModemControl)value & ModemControl.All);
                break;
            case UartRegister.Scratch:
                _scratch = value;
                break;
        }
    }

    private void LookForInput()
    {
        if (_looksForInput)
            return;
        _looksForInput = true;
        Receive();
    }

    private byte ReadReceiver()
    {
        LookForInput();
        if (_receive.Count == 0)
            return 0;
        var value = _receive.Pop();
        Receive();
        return value;
    }

    private void WriteTransmitter(byte value)
    {
        _transmitEmptyPending = false;
        if (IsLoopback)
        {
            if (_receive.Count < FifoDepth)
                _receive.Push(value);
            else
                _errors |= LineStatus.Overrun;
            _transmitEmptyPending = true;
            return;
        }
        _watcher?.Feed(value);
        // A guest that writes into a full transmitter loses the byte, as on the wire.
        if (_transmit.Count < FifoDepth)
            _transmit.Push(value);
        Transmit();
    }

    private void WriteFifoControl(FifoControl value)
    {
        var enable = (value & FifoControl.Enable) != 0;
        if (enable != _fifoEnabled)
        {
            _fifoEnabled = enable;
            value |= FifoControl.ClearReceiver | FifoControl.ClearTransmitter;
        }
        if (enable)
        {
            _trigger = ((int)value >> 6) switch
            {
                0 => 1,
                1 => 4,
                2 => 8,
                _ => 14,
            };
        }
        else
        {
            _trigger = 1;
        }
        if ((value & FifoControl.ClearReceiver) != 0)
        {
            _receive.Clear();
            Receive();
        }
        if ((value & FifoControl.ClearTransmitter) != 0 && _transmit.Count > 0)
        {
            _transmit.Clear();
            _transmitEmptyPending = true;
        }
    }

    private void WriteModemControl(ModemControl value)
    {
        var wasLoopback = IsLoopback;
        _modemControl = value;
        _usesFlowControl |= (value & (ModemControl.DataTerminalReady | ModemControl.RequestToSend)) != 0 && !IsLoopback;
        var lines = IsLoopback ? LoopedBack(value) : ModemStatus.Connected;
        var before = _modemStatus & ModemStatus.Lines;
        var changed = before ^ lines;
        var deltas = _modemStatus & ModemStatus.Deltas;
        if ((changed & ModemStatus.ClearToSend) != 0)
            deltas |= ModemStatus.DeltaClearToSend;
        if ((changed & ModemStatus.DataSetReady) != 0)
            deltas |= ModemStatus.DeltaDataSetReady;
        if ((changed & ModemStatus.CarrierDetect) != 0)
            deltas |= ModemStatus.DeltaCarrierDetect;
        // The ring indicator reports only its trailing edge.
        if ((before & ~lines & ModemStatus.Ring) != 0)
            deltas |= ModemStatus.TrailingRing;
        _modemStatus = lines | deltas;
        if (wasLoopback && !IsLoopback)
            Transmit();
        Receive();
    }

    private static ModemStatus LoopedBack(ModemControl control)
    {
        ModemStatus lines = 0;
        if ((control & ModemControl.RequestToSend) != 0)
            lines |= ModemStatus.ClearToSend;
        if ((control & ModemControl.DataTerminalReady) != 0)
            lines |= ModemStatus.DataSetReady;
        if ((control & ModemControl.Out1) != 0)
            lines |= ModemStatus.Ring;
        if ((control & ModemControl.Out2) != 0)
            lines |= ModemStatus.CarrierDetect;
        return lines;
    }

    /// <summary>Moves the transmit FIFO to the host, as far as that has room.</summary>
    private void Transmit()
    {
        if (_transmit.Count == 0)
            return;
        var queued = _transmit.Count;
        for (var i = 0; i < queued; i++)
            _burst[i] = _transmit.Peek(i);
        var sent = _channel.Put(_burst.AsSpan(0, queued));
        for (var i = 0; i < sent; i++)
            _transmit.Pop();
        if (_transmit.Count == 0)
            _transmitEmptyPending = true;
    }

    /// <summary>Fills the receive FIFO from the host's queue.</summary>
    private void Receive()
    {
        if (IsLoopback || !MayReceive)
            return;
        while (_receive.Count < FifoDepth && _channel.Take(_one) == 1)
            _receive.Push(_one[0]);
    }

    private LineStatus CurrentLineStatus()
    {
        var status = _errors;
        if (_receive.Count > 0)
            status |= LineStatus.DataReady;
        if (_transmit.Count == 0)
            status |= LineStatus.TransmitterHoldingEmpty | LineStatus.TransmitterEmpty;
        return status;
    }

    /// <summary>The pending interrupt of highest priority.</summary>
    private InterruptIdentification Identify()
    {
        if ((_enable & InterruptEnable.LineStatus) != 0 && _errors != 0)
            return InterruptIdentification.LineStatus;
        if ((_enable & InterruptEnable.DataAvailable) != 0 && _receive.Count > 0)
        {
            // Below the trigger level there is nothing more on its way (the FIFO would have been filled): the line is idle.
            return _receive.Count >= _trigger ? InterruptIdentification.DataAvailable : InterruptIdentification.CharacterTimeout;
        }
        if ((_enable & InterruptEnable.TransmitterEmpty) != 0 && _transmitEmptyPending)
            return InterruptIdentification.TransmitterEmpty;
        if ((_enable & InterruptEnable.ModemStatus) != 0 && (_modemStatus & ModemStatus.Deltas) != 0)
            return InterruptIdentification.ModemStatus;
        return InterruptIdentification.None;
    }

    private void UpdateInterrupt()
    {
        var level = Identify() != InterruptIdentification.None;
        if (level == _lineLevel)
            return;
        _lineLevel = level;
        _line.Set(level);
    }
}
