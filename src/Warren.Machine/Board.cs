using Warren.HostMemory;
using Warren.Hypervisor;
using Warren.Machines.Devices;
using Warren.Machines.Sbi;
using Warren.Machines.Scheduling;
using Warren.Machines.Serial;

namespace Warren.Machines;

/// <summary>Harts, devices and SBI of one machine, wired to its VM.</summary>
internal sealed class Board : IRunnerOwner, ISbiPlatform, IDisposable
{
    private const int A0 = 10;
    private const int A1 = 11;
    private const int A6 = 16;
    private const int A7 = 17;

    private readonly VirtualMachine _vm;
    private readonly GuestMemory _memory;
    private readonly IMachineEvents _events;
    private readonly HartStates _states;
    private readonly LineWatcher _watcher;
    private readonly Uart16550[] _uarts;
    private readonly SerialChannel[] _channels;
    private readonly GoldfishRtc _rtc;
    private readonly WakeSources _wake;
    private readonly MemoryBudget? _budget;

    /// <summary>The loop that the one hart not stopped was last seen in.</summary>
    private TrapLoop? _loop;

    public Board(MachineOptions options, VirtualMachine vm, GuestMemory memory, VcpuPool pool, IMachineEvents events)
    {
        _vm = vm;
        _memory = memory;
        _events = events;
        _budget = options.Budget;
        _states = new HartStates(options.Cpus);
        Harts = new HartSet(options, vm, pool, this);
        Sbi = new SbiHandler(this, _states);
        Plic = new Plic(options.Cpus, Harts);
        _watcher = new LineWatcher();
        _rtc = new GoldfishRtc(pool.Timers, Plic.Line(MemoryMap.RtcInterrupt));
        _channels = new SerialChannel[options.Serial.Count];
        _uarts = new Uart16550[options.Serial.Count];
        for (var i = 0; i < _uarts.Length; i++)
        {
            var serial = options.Serial[i];
            _channels[i] = new SerialChannel(serial.Capacity, serial.DiscardOutput && serial.Output is null);
            _uarts[i] = new Uart16550($"uart{i}", _channels[i], Plic.Line(MemoryMap.UartInterrupt(i)), i == 0 ? _watcher : null);
            vm.Bus.Register(_uarts[i], new Gpa(MemoryMap.Uart(i)), Uart16550.WindowSize);
        }
        _wake = new WakeSources(
            Harts, _states, Plic,
            [(MemoryMap.RtcInterrupt, _rtc), .. _uarts.Select((u, i) => (MemoryMap.UartInterrupt(i), (IInterruptSource)u))]);
        vm.Bus.Register(Plic, new Gpa(MemoryMap.Plic), Plic.WindowSize);
        vm.Bus.Register(_rtc, new Gpa(MemoryMap.Rtc), GoldfishRtc.WindowSize);
        vm.Bus.Register(new TestFinisher(Finish), new Gpa(MemoryMap.Finisher), TestFinisher.WindowSize);
    }

    public HartSet Harts { get; }

    public SbiHandler Sbi { get; }

    public Plic Plic { get; }

    public IReadOnlyList<SerialChannel> Channels => _channels;

    public bool IsEnding => _events.IsEnding;

    int ISbiPlatform.HartCount => Harts.Count;

    public bool PrepareToRun(int hart)
    {
        if (_states[hart] == HsmState.Started)
            return true;
        var resumes = _states[hart] == HsmState.Suspended;
        if (!_states.TryRun(hart, Harts[hart].HasPendingInterrupt, out var entry))
            return false;
        if (entry is { } start)
        {
            Harts.Restart(hart, start.Address, start.Opaque, resumes);
            Plic.Refresh(hart);
        }
        return true;
    }

    public bool EnvironmentCall(int id)
    {
        var hart = Harts[id];
        var call = new SbiCall(
            hart.GetX(A7), hart.GetX(A6), hart.GetX(A0), hart.GetX(A1), hart.GetX(A0 + 2), hart.GetX(A0 + 3), hart.GetX(A0 + 4));
        var result = Sbi.Handle(id, in call);
        switch (result.Outcome)
        {
            case SbiOutcome.NoReturn:
                return false;
            case SbiOutcome.ReturnLegacy:
                hart.SetX(A0, (ulong)result.Error);
                return true;
            default:
                hart.SetX(A0, (ulong)result.Error);
                hart.SetX(A1, result.Value);
                return result.Outcome == SbiOutcome.Return;
        }
    }

    public bool CanWake(int hart) => _wake.CanWake(hart);

    public void Settled()
    {
        if (IsEnding || !_wake.IsStuck())
            return;
        // What the console said explains the end; it was not what ended the machine.
        var line = _uarts[0].LastLine();
        var said = _watcher.Panic is { } panic ? $"; its kernel had panicked: {panic}"
            : line.Length > 0 ? $"; the last line on its console: {line}" : "; its console is empty";
        _events.End(MachineExitKind.Stuck, $"The guest can never go on: {_wake.Describe()}{said.TrimEnd('.')}.");
    }

    public void TrapLoop(int hart)
    {
        if (!_states.IsAlone(hart))
            return;
        // What another hart wrote before it stopped may end the loop yet. Once it has gone on since then, nothing can.
        var loop = new TrapLoop(hart, Harts[hart].InstructionsRetired, Harts[hart].FirstException, Harts[hart].LastException);
        if (_loop == loop)
            _events.End(MachineExitKind.Stuck, loop.ToString());
        _loop = loop;
    }

    public void SliceEnded()
    {
        foreach (var channel in _channels)
            channel.Flush();
    }

    public void Fail(int hart, string reason, Exception? cause) =>
        _events.End(MachineExitKind.HostError, _budget is { IsUsedUp: true, Origin: { } origin } budget
        ? $"The guest has used the {budget.Limit >> 20} MiB of memory that are left for guests by {origin}; have it use less, or raise "
        + $"that limit."
        : _vm.ErrorReason ?? reason, _vm.ErrorReason is null ? cause : _vm.ErrorCause);

    public void RunnerEnded() => _events.RunnerEnded();

    public bool IsMemory(Gpa address, ulong length) => _memory.Contains(address, length);

    public bool ReadMemory(Gpa address, Span<byte> target) => _vm.ReadGuest(address, target);

    public bool WriteMemory(Gpa address, ReadOnlySpan<byte> bytes) => _vm.WriteGuest(address, bytes);

    public bool TryTranslate(int hart, Gva virtualAddress, out Gpa physicalAddress)
        => Harts[hart].TryTranslate(_vm, virtualAddress, out physicalAddress);

    public void SetTimer(int hart, ulong ticks) => Harts.SetTimer(hart, ticks);

    public void SetSoftwareInterrupt(int hart, bool level) => Harts.SetSoftwareInterrupt(hart, level);

    public void Fence(int caller, uint hartMask, in Fence fence) => Harts.Fence(caller, hartMask, in fence);

    public void NotifyHart(int hart) => Harts.Runners[hart].Notify();

    public int ConsoleWrite(ReadOnlySpan<byte> bytes) => _uarts[0].DebugWrite(bytes);

    public int ConsoleRead(Span<byte> target) => _uarts[0].DebugRead(target);

    public void Reset(SbiResetType type, bool systemFailure)
    {
        // A kernel that panicked reboots (or halts) right after it said so: that end is the panic's.
        if (_watcher.Panic is { } panic && (type != SbiResetType.Shutdown || systemFailure))
            _events.End(MachineExitKind.Panic, panic);
        else if (systemFailure)
            _events.End(MachineExitKind.SystemFailure, "The guest shut down and gave 'system failure' as the reason.");
        else if (type == SbiResetType.Shutdown)
            _events.End(MachineExitKind.PowerOff, "The guest powered off.");
        else
            _events.End(MachineExitKind.Reboot, "The guest asked for a reboot.");
    }

    public void Dispose()
    {
        _rtc.Dispose();
        Harts.Dispose();
        foreach (var channel in _channels)
            channel.Dispose();
    }

    private void Finish(FinisherRequest request, int code)
    {
        switch (request)
        {
            case FinisherRequest.Pass:
                Reset(SbiResetType.Shutdown, systemFailure: false);
                break;
            case FinisherRequest.Reset:
                Reset(SbiResetType.ColdReboot, systemFailure: false);
                break;
            default:
                _events.End(MachineExitKind.SystemFailure, $"The guest reported a failure with code {code} to the test finisher.");
                break;
        }
    }
}
