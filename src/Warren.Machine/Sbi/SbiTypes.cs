namespace Warren.Machines.Sbi;

/// <summary>Standard error codes (SBI specification 2.0, table 1).</summary>
internal enum SbiError : long
{
    Success = 0,
    Failed = -1,
    NotSupported = -2,
    InvalidParameter = -3,
    Denied = -4,
    InvalidAddress = -5,
    AlreadyAvailable = -6,
    AlreadyStarted = -7,
    AlreadyStopped = -8,
}

/// <summary>Extension ids, as passed in a7.</summary>
internal enum SbiExtension : ulong
{
    LegacySetTimer = 0x00,
    LegacyConsolePutchar = 0x01,
    LegacyConsoleGetchar = 0x02,
    LegacyClearIpi = 0x03,
    LegacySendIpi = 0x04,
    LegacyRemoteFenceI = 0x05,
    LegacyRemoteSfenceVma = 0x06,
    LegacyRemoteSfenceVmaAsid = 0x07,
    LegacyShutdown = 0x08,
    Base = 0x10,
    Time = 0x54494D45,
    Ipi = 0x735049,
    RemoteFence = 0x52464E43,
    HartState = 0x48534D,
    SystemReset = 0x53525354,
    DebugConsole = 0x4442434E,
    SystemSuspend = 0x53555350,
}

/// <summary>An environment call: extension in a7, function in a6, arguments in a0 to a4.</summary>
internal readonly record struct SbiCall(ulong Extension, ulong Function, ulong A0, ulong A1, ulong A2, ulong A3, ulong A4);

/// <summary>The state of the calling hart after a call.</summary>
internal enum SbiOutcome
{
    /// <summary>a0 and a1 take error and value; the hart runs on.</summary>
    Return,

    /// <summary>Only a0 changes (legacy calls); the hart runs on.</summary>
    ReturnLegacy,

    /// <summary>The registers stay; the hart does not run on, because it stopped or the machine ended.</summary>
    NoReturn,

    /// <summary>As <see cref="Return"/>, but the hart first waits for an interrupt.</summary>
    Suspend,
}

/// <summary>The answer to a call.</summary>
internal readonly record struct SbiResult(SbiOutcome Outcome, SbiError Error, ulong Value)
{
    public static readonly SbiResult Success = Return(0);

    public static readonly SbiResult NoReturn = new(SbiOutcome.NoReturn, SbiError.Success, 0);

    public static readonly SbiResult LegacySuccess = Legacy(0);

    public static readonly SbiResult Suspend = new(SbiOutcome.Suspend, SbiError.Success, 0);

    public static SbiResult Return(ulong value) => new(SbiOutcome.Return, SbiError.Success, value);

    public static SbiResult Fail(SbiError error) => new(SbiOutcome.Return, error, 0);

    public static SbiResult Legacy(long value) => new(SbiOutcome.ReturnLegacy, (SbiError)value, 0);
}

/// <summary>A guest's request to SRST.</summary>
internal enum SbiResetType : uint
{
    Shutdown = 0,
    ColdReboot = 1,
    WarmReboot = 2,
}
