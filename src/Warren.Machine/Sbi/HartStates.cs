using Warren.Locking;
using Volatile = System.Threading.Volatile;

namespace Warren.Machines.Sbi;

/// <summary>The states of a hart (SBI specification 2.0, table 13); the numbers are those hart_get_status returns.</summary>
internal enum HsmState
{
    Started = 0,
    Stopped = 1,
    StartPending = 2,
    StopPending = 3,
    Suspended = 4,
    SuspendPending = 5,
    ResumePending = 6,
}

/// <summary>Where a hart begins when it is started or resumed: the address, and what a1 holds there (a0 is its id).</summary>
internal readonly record struct HartEntry(ulong Address, ulong Opaque);

/// <summary>The states of a machine's harts (SBI HSM). Hart 0 is started from the beginning, the others are stopped.</summary>
internal sealed class HartStates
{
    private readonly SpinLock _lock = new(BoardLocks.Hsm);
    private readonly int[] _states;
    private readonly HartEntry?[] _entries;

    public HartStates(int harts)
    {
        _states = new int[harts];
        _entries = new HartEntry?[harts];
        Array.Fill(_states, (int)HsmState.Stopped);
        _states[0] = (int)HsmState.Started;
    }

    public int Count => _states.Length;

    public HsmState this[int hart]
    {
        get => (HsmState)Volatile.Read(ref _states[hart]);
        private set => Volatile.Write(ref _states[hart], (int)value);
    }

    /// <summary>Makes a stopped hart start at <paramref name="entry"/>.</summary>
    public SbiError Start(int hart, HartEntry entry)
    {
        _lock.Lock();
        var error = this[hart] == HsmState.Stopped ? SbiError.Success : SbiError.AlreadyAvailable;
        if (error == SbiError.Success)
        {
            _entries[hart] = entry;
            this[hart] = HsmState.StartPending;
        }
        _lock.Unlock();
        return error;
    }

    /// <summary>The calling hart stops itself.</summary>
    public void Stop(int hart) => this[hart] = HsmState.Stopped;

    /// <summary>The calling hart suspends itself; it resumes at <paramref name="entry"/>, or behind its call when that is null.</summary>
    public void Suspend(int hart, HartEntry? entry)
    {
        _entries[hart] = entry;
        this[hart] = HsmState.Suspended;
    }

    /// <summary>
    /// Asked before the hart runs: true when it may. A pending start, or the end of a suspension by <paramref name="interruptPending"/>,
    /// takes effect; <paramref name="entry"/> then says where the hart must begin anew, or is null to go on where it was.
    /// </summary>
    public bool TryRun(int hart, bool interruptPending, out HartEntry? entry)
    {
        entry = null;
        switch (this[hart])
        {
            case HsmState.Started:
                return true;
            case HsmState.Suspended when interruptPending:
            case HsmState.StartPending:
                entry = _entries[hart];
                _entries[hart] = null;
                this[hart] = HsmState.Started;
                return true;
            default:
                return false;
        }
    }

    /// <summary>True when every hart but <paramref name="hart"/>, which asks, is stopped; only it can start one then.</summary>
    public bool IsAlone(int hart)
    {
        // Nobody starts a hart meanwhile, so that one seen stopped is so until the last was looked at.
        _lock.Lock();
        var alone = true;
        for (var i = 0; i < Count; i++)
            alone &= i == hart || this[i] == HsmState.Stopped;
        _lock.Unlock();
        return alone;
    }
}
