namespace Warren.Machines.Devices;

/// <summary>Register offsets of a 16550; some are shared between reading, writing and the divisor latch.</summary>
internal enum UartRegister : byte
{
    Data = 0,
    InterruptEnable = 1,
    InterruptIdentification = 2,
    LineControl = 3,
    ModemControl = 4,
    LineStatus = 5,
    ModemStatus = 6,
    Scratch = 7,
}

[Flags]
internal enum InterruptEnable : byte
{
    DataAvailable = 1,
    TransmitterEmpty = 2,
    LineStatus = 4,
    ModemStatus = 8,
    All = 0x0f,
}

[Flags]
internal enum InterruptIdentification : byte
{
    ModemStatus = 0,
    None = 1,
    TransmitterEmpty = 2,
    DataAvailable = 4,
    LineStatus = 6,
    CharacterTimeout = 0x0c,
    FifosEnabled = 0xc0,
}

[Flags]
internal enum FifoControl : byte
{
    Enable = 1,
    ClearReceiver = 2,
    ClearTransmitter = 4,
}

[Flags]
internal enum LineControl : byte
{
    DivisorLatch = 0x80,
}

[Flags]
internal enum ModemControl : byte
{
    DataTerminalReady = 1,
    RequestToSend = 2,
    Out1 = 4,
    Out2 = 8,
    Loopback = 0x10,
    All = 0x1f,
}

[Flags]
internal enum LineStatus : byte
{
    DataReady = 1,
    Overrun = 2,
    TransmitterHoldingEmpty = 0x20,
    TransmitterEmpty = 0x40,
}

[Flags]
internal enum ModemStatus : byte
{
    DeltaClearToSend = 1,
    DeltaDataSetReady = 2,
    TrailingRing = 4,
    DeltaCarrierDetect = 8,
    Deltas = 0x0f,
    ClearToSend = 0x10,
    DataSetReady = 0x20,
    Ring = 0x40,
    CarrierDetect = 0x80,
    Lines = 0xf0,

    /// <summary>The host's end is always there and ready.</summary>
    Connected = ClearToSend | DataSetReady | CarrierDetect,
}
