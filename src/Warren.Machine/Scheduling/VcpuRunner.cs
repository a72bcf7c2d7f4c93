using Warren.Hypervisor.Vcpus;
using Warren.RiscV;
using Interlocked = System.Threading.Interlocked;
using Volatile = System.Threading.Volatile;

namespace Warren.Machines.Scheduling;

/// <summary>The end of a vCPU's time slice.</summary>
internal enum SliceEnd
{
    /// <summary>The slice is used up; there is more to run.</summary>
    Budget,

    /// <summary>Nothing to run until someone notifies the runner.</summary>
    Idle,

    /// <summary>The machine has ended: never run again.</summary>
    Ended,
}

/// <summary>A runner's requests to the machine it belongs to. Called on the worker that runs the vCPU, outside of guest mode.</summary>
internal interface IRunnerOwner
{
    bool IsEnding { get; }

    /// <summary>Before each entry into the guest: may the hart run now? Applies a pending start or resume.</summary>
    bool PrepareToRun(int hart);

    /// <summary>Handles an environment call; false when the hart does not run on.</summary>
    bool EnvironmentCall(int hart);

    /// <summary>True when a hart that has nothing to run may be woken without another hart's doing.</summary>
    bool CanWake(int hart);

    /// <summary>A runner that cannot be woken so has settled: perhaps it was the last, and the machine is stuck.</summary>
    void Settled();

    /// <summary>As <see cref="VcpuExitReason.TrapLoop"/> says; the hart runs on unless the machine ends.</summary>
    void TrapLoop(int hart);

    /// <summary>A slice has ended: whatever was only collected goes out.</summary>
    void SliceEnded();

    /// <summary>The vCPU cannot run any more.</summary>
    void Fail(int hart, string reason, Exception? cause = null);

    /// <summary>The runner will not touch its vCPU again.</summary>
    void RunnerEnded();
}

/// <summary>
/// One vCPU as the scheduler sees it. Its state is one word:
/// idle → queued (notified) → running → idle, or → queued again when the slice is used up and others wait. A notification while
/// running is remembered (running, notified), so that the runner looks again before it goes idle: no wake-up is lost. One whose hart waits
/// for other harts alone goes idle by way of settling, where it asks whether all do (<see cref="WakeSources"/>); its machine cannot be
/// taken away from it there.
/// </summary>
internal sealed class VcpuRunner
{
    /// <summary>Guest instructions a vCPU may run before another gets its thread: one to two milliseconds.</summary>
    private const long SliceInstructions = 200_000;

    /// <summary>The cost of an environment call, in instructions of a slice, so that a guest that only calls gives way too.</summary>
    private const long CallCost = 500;

    private const int Idle = 0;
    private const int Queued = 1;
    private const int Running = 2;
    private const int RunningNotified = 3;
    private const int Ended = 4;
    private const int Settling = 5;

    private readonly VcpuPool _pool;
    private readonly IRunnerOwner _owner;
    private int _state;
    private int _inGuest;
    private long _guestSections;
    private long _slices;

    public VcpuRunner(int id, Hart hart, Vcpu vcpu, VcpuPool pool, IRunnerOwner owner)
    {
        Id = id;
        Hart = hart;
        Vcpu = vcpu;
        _pool = pool;
        _owner = owner;
        vcpu.Wakeup = _ => Wake();
        pool.Admit();
    }

    public int Id { get; }

    public Hart Hart { get; }

    public Vcpu Vcpu { get; }

    public FenceMailbox Fences { get; } = new();

    /// <summary>Link of the pool's queue.</summary>
    internal VcpuRunner? NextInQueue { get; set; }

    /// <summary>True while the vCPU may be executing guest instructions, or is about to without looking at its mailbox again.</summary>
    public bool IsInGuest => Volatile.Read(ref _inGuest) != 0;

    /// <summary>How often the vCPU has come out of the guest; whoever waits for it to be out once compares two readings.</summary>
    public long GuestSections => Volatile.Read(ref _guestSections);

    /// <summary>Slices run so far.</summary>
    public long Slices => Volatile.Read(ref _slices);

    /// <summary>
    /// True while nothing is run nor about to be: until the next notification, or until this runner itself has decided to go on.
    /// </summary>
    public bool IsAsleep => Volatile.Read(ref _state) is Idle or Settling;

    /// <summary>
    /// Something changed for this vCPU (an interrupt, a start, the machine's end): it runs, or leaves the guest for a look. Any thread;
    /// the change must be visible before the call.
    /// </summary>
    public void Notify()
    {
        if (Wake())
            Vcpu.Kick();
    }

    /// <summary>Makes an idle vCPU runnable. True when it is running instead: it may have to be kicked out of the guest.</summary>
    private bool Wake()
    {
        while (true)
        {
            var state = Volatile.Read(ref _state);
            switch (state)
            {
                case Idle:
                    if (Interlocked.CompareExchange(ref _state, Queued, Idle) == Idle)
                    {
                        _pool.Enqueue(this);
                        return false;
                    }
                    break;
                case Running:
                    if (Interlocked.CompareExchange(ref _state, RunningNotified, Running) == Running)
                        return true;
                    break;
                case RunningNotified:
                    return true;
                case Settling:
                    if (Interlocked.CompareExchange(ref _state, RunningNotified, Settling) == Settling)
                        return false;
                    break;
                default:
                    return false;
            }
        }
    }

    /// <summary>Runs the vCPU on the calling worker until it has nothing to do, has to give way, or its machine has ended.</summary>
    internal void RunUntilIdle()
    {
        // A fence: who finds it still queued made its change before, and this runner sees the change.
        Interlocked.Exchange(ref _state, Running);
        while (true)
        {
            var end = RunGuarded();
            _owner.SliceEnded();
            switch (end)
            {
                case SliceEnd.Ended:
                    Volatile.Write(ref _state, Ended);
                    _owner.RunnerEnded();
                    return;
                case SliceEnd.Idle:
                    if (TryRest())
                        return;
                    Interlocked.Exchange(ref _state, Running);
                    break;
                case SliceEnd.Budget when _pool.HasWaiting:
                    Interlocked.Exchange(ref _state, Queued);
                    _pool.Enqueue(this);
                    return;
            }
        }
    }

    /// <summary>Goes idle, unless there was a notification since the last look.</summary>
    private bool TryRest()
    {
        if (_owner.CanWake(Id))
            return Interlocked.CompareExchange(ref _state, Idle, Running) == Running;
        if (Interlocked.CompareExchange(ref _state, Settling, Running) != Running)
            return false;
        _owner.Settled();
        return Interlocked.CompareExchange(ref _state, Idle, Settling) == Settling;
    }

    private SliceEnd RunGuarded()
    {
        try
        {
            return RunSlice();
        }
        catch (Exception e)
        {
            // A bug of ours in one machine must not end the process, nor the other machines on this worker.
            Volatile.Write(ref _inGuest, 0);
            _owner.Fail(Id, $"{e.GetType().Name}: {e.Message}", e);
            return SliceEnd.Ended;
        }
    }

    private SliceEnd RunSlice()
    {
        Volatile.Write(ref _slices, _slices + 1);
        var budget = SliceInstructions;
        while (budget > 0)
        {
            if (_owner.IsEnding)
                return SliceEnd.Ended;
            if (!_owner.PrepareToRun(Id))
                return SliceEnd.Idle;
            // In this order: a fence posted after the mailbox was looked at finds the flag set, and waits for the vCPU to leave the guest.
            Interlocked.Exchange(ref _inGuest, 1);
            if (!Fences.IsEmpty || _owner.IsEnding)
            {
                Volatile.Write(ref _inGuest, 0);
                Fences.Drain(Hart);
                continue;
            }
            var exit = Vcpu.Run(ref budget);
            Volatile.Write(ref _guestSections, _guestSections + 1);
            Volatile.Write(ref _inGuest, 0);
            switch (exit.Reason)
            {
                case VcpuExitReason.EnvironmentCall:
                    budget -= CallCost;
                    if (!_owner.EnvironmentCall(Id))
                        return _owner.IsEnding ? SliceEnd.Ended : SliceEnd.Idle;
                    break;
                case VcpuExitReason.Halted:
                    if (!Hart.HasPendingInterrupt)
                        return _owner.IsEnding ? SliceEnd.Ended : SliceEnd.Idle;
                    break;
                case VcpuExitReason.TrapLoop:
                    _owner.TrapLoop(Id);
                    break;
                case VcpuExitReason.Shutdown:
                case VcpuExitReason.InternalError:
                case VcpuExitReason.DirtyRingFull:
                    _owner.Fail(Id, $"vCPU {Id} cannot go on ({exit.Reason}).");
                    return SliceEnd.Ended;
            }
        }
        return SliceEnd.Budget;
    }
}
