using Warren.RiscV.Core;

namespace Warren.RiscV;

/// <content>
/// Notices a hart that cannot leave its trap handler, because the handler's first instruction traps itself: stvec was never set, or leads
/// to nothing. Such a hart is in S mode with interrupts off, executes nothing, and so changes nothing: only others, by what they write to
/// memory, could end it. All of this is on the way of exceptions alone.
/// </content>
public sealed unsafe partial class Hart
{
    /// <summary>So many times one exception, in a row, are reported: some tens of milliseconds.</summary>
    private const int ReportedRepetitions = 1 << 16;

    private ulong _retiredAtException = ulong.MaxValue;
    private int _repetitions;

    /// <summary>The first exception since the last instruction that the hart has retired: what a trap loop began with.</summary>
    public GuestException FirstException { get; private set; }

    /// <summary>The exception that the hart took last.</summary>
    public GuestException LastException { get; private set; }

    private void NoteException(ExceptionCause cause, ulong value)
    {
        var exception = new GuestException(cause, _state->Pc, value);
        var retired = InstructionsRetired;
        if (retired != _retiredAtException)
        {
            _retiredAtException = retired;
            _repetitions = 0;
            FirstException = exception;
        }
        else if (exception != LastException)
        {
            _repetitions = 0;
        }
        else if (++_repetitions == ReportedRepetitions)
        {
            _repetitions = 0;
            _state->Halt = HaltReason.TrapLoop;
        }

        LastException = exception;
    }

    private void ForgetExceptions()
    {
        _retiredAtException = ulong.MaxValue;
        _repetitions = 0;
    }
}
