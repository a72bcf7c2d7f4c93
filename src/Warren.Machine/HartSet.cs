using Warren.Hypervisor;
using Warren.Locking;
using Warren.Machines.Devices;
using Warren.Machines.Scheduling;
using Warren.RiscV;
using Warren.RiscV.Csrs;
using Interlocked = System.Threading.Interlocked;
using Thread = System.Threading.Thread;

namespace Warren.Machines;

/// <summary>The harts of a machine, each with its vCPU, its timer and its place in the scheduler.</summary>
internal sealed class HartSet : IHartEnvironment, IInterruptTarget, IDisposable
{
    /// <summary>CY, TM and IR.</summary>
    private const ulong AllCounters = 7;

    /// <summary>Turns of a wait for a remote hart before this thread gives its processor away.</summary>
    private const int FenceSpins = 64;

    private readonly MachineClock _clock = new();
    private readonly Hart[] _harts;
    private readonly HartTimer[] _timers;
    private readonly VcpuRunner[] _runners;
    private readonly SpinLock[] _restartLocks;
    private readonly bool _hasStimecmp;

    public HartSet(MachineOptions options, VirtualMachine vm, VcpuPool pool, IRunnerOwner owner)
    {
        _hasStimecmp = options.Hart.Has(Extension.Sstc);
        _harts = new Hart[options.Cpus];
        _timers = new HartTimer[options.Cpus];
        _runners = new VcpuRunner[options.Cpus];
        _restartLocks = new SpinLock[options.Cpus];
        for (var i = 0; i < options.Cpus; i++)
        {
            _harts[i] = new Hart(i, options.Hart, this);
            _restartLocks[i] = new SpinLock(BoardLocks.Restart);
            _timers[i] = new HartTimer(_harts[i], _clock, pool.Timers);
            _runners[i] = new VcpuRunner(i, _harts[i], vm.CreateVcpu(_harts[i]), pool, owner);
            _timers[i].Runner = _runners[i];
        }
    }

    public int Count => _harts.Length;

    /// <summary>The machine's clock, in timebase ticks.</summary>
    public ulong Ticks => _clock.Ticks;

    public Hart this[int index] => _harts[index];

    public IReadOnlyList<VcpuRunner> Runners => _runners;

    public ulong ReadTime() => _clock.Ticks;

    public void TimerChanged(Hart hart, ulong stimecmp) => _timers[hart.Id].Set(stimecmp);

    /// <summary>Sets a hart's timer as SBI set_timer does: with Sstc that is stimecmp, which the hart compares itself.</summary>
    public void SetTimer(int hart, ulong ticks)
    {
        if (_hasStimecmp)
            _harts[hart].WriteCsr(Csr.Stimecmp, ticks);
        else
            _timers[hart].Set(ticks);
    }

    /// <summary>True when a hart's timer is set to a moment that will come, or has. Any thread.</summary>
    public bool HasDeadline(int hart) => _clock.ToNanoseconds(_timers[hart].Ticks) != long.MaxValue;

    /// <summary>
    /// Puts a hart, on its own thread, into the state in which SBI starts one. A hart that resumes from suspension keeps its timer, which
    /// may be what woke it, and any hart an interprocessor interrupt sent meanwhile. The external interrupt pin is lost, and has to be set
    /// again.
    /// </summary>
    public void Restart(int hart, ulong pc, ulong opaque, bool resumes)
    {
        var deadline = resumes ? _timers[hart].Ticks : ulong.MaxValue;
        _restartLocks[hart].Lock();
        var software = (_harts[hart].ReadCsr(Csr.Sip) & 1UL << Interrupts.Software) != 0;
        _harts[hart].Reset(pc, (ulong)hart, opaque);
        _harts[hart].SetInterrupt(Interrupts.Software, software);
        _restartLocks[hart].Unlock();
        // Firmware and KVM leave the counters open to user mode, and Linux relies on it: its vDSO reads the clock there.
        _harts[hart].WriteCsr(Csr.Scounteren, AllCounters);
        SetTimer(hart, deadline);
    }

    public void SetExternalInterrupt(int hart, bool level) => _harts[hart].SetInterrupt(Interrupts.External, level);

    public void WakeHarts(uint hartMask)
    {
        for (var i = 0; hartMask != 0; i++, hartMask >>= 1)
        {
            if ((hartMask & 1) != 0)
                _runners[i].Notify();
        }
    }

    public void SetSoftwareInterrupt(int hart, bool level)
    {
        _restartLocks[hart].Lock();
        _harts[hart].SetInterrupt(Interrupts.Software, level);
        _restartLocks[hart].Unlock();
        if (level)
            _runners[hart].Notify();
    }

    /// <summary>
    /// Has every hart of the mask execute a fence. Returns when each other hart has either left the guest, in which case the fence
    /// comes before its next instruction, or was out of it. Deadlock-free: the caller is out of the guest itself, so a hart
    /// that fences this one at the same time does not wait for it.
    /// </summary>
    public void Fence(int caller, uint hartMask, in Fence fence)
    {
        for (var i = 0; i < _runners.Length; i++)
        {
            if ((hartMask >> i & 1) == 0)
                continue;
            if (i == caller)
            {
                FenceMailbox.Execute(_harts[i], in fence);
                continue;
            }
            _runners[i].Fences.Post(in fence);
        }
        // The posts must be visible before the flags are read: a runner sets its flag first and looks at its mailbox then.
        Interlocked.MemoryBarrier();
        for (var i = 0; i < _runners.Length; i++)
        {
            if (i != caller && (hartMask >> i & 1) != 0 && _runners[i].IsInGuest)
                _runners[i].Vcpu.Kick();
        }
        for (var i = 0; i < _runners.Length; i++)
        {
            if (i != caller && (hartMask >> i & 1) != 0)
                WaitUntilOut(_runners[i]);
        }
    }

    public void Dispose()
    {
        foreach (var timer in _timers)
            timer?.Stop();
        foreach (var hart in _harts)
            hart?.Dispose();
    }

    private static void WaitUntilOut(VcpuRunner runner)
    {
        var section = runner.GuestSections;
        for (var turn = 0; runner.IsInGuest && runner.GuestSections == section; turn++)
        {
            if (turn < FenceSpins)
                Thread.SpinWait(20);
            else
                Thread.Yield();
        }
    }
}
