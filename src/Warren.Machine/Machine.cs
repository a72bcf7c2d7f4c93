using System.Diagnostics;
using System.Threading;
using Warren.HostMemory;
using Warren.Hypervisor;
using Warren.Machines.Boot;
using Warren.Machines.Scheduling;
using Warren.Machines.Serial;

namespace Warren.Machines;

/// <summary>
/// A RISC-V machine: memory, harts and devices, with a kernel loaded and ready to start. It runs once, on its pool's threads, until the
/// guest ends it or the host does.
/// </summary>
public sealed class Machine : IMachineEvents, IAsyncDisposable, IDisposable
{
    /// <summary>How long the output of an aborted run may take to reach its stream.</summary>
    private static readonly TimeSpan AbortedOutputGrace = TimeSpan.FromSeconds(1);

    private readonly MachineOptions _options;
    private readonly MachineParts _parts;
    private readonly Stopwatch _age = Stopwatch.StartNew();
    private readonly TaskCompletionSource<MachineExit> _exit = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _allEnded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _inputs = new();

    /// <summary>Nobody waits any longer for streams that take no output.</summary>
    private readonly CancellationTokenSource _abandoned = new();
    private Task<MachineExit>? _run;
    private int _runnersLeft;
    private int _ending;
    private int _started;
    private int _disposed;

    private Machine(MachineOptions options)
    {
        _options = options;
        _runnersLeft = options.Cpus;
        _parts = new MachineParts(options, this);
    }

    bool IMachineEvents.IsEnding => Volatile.Read(ref _ending) != 0;

    /// <summary>The machine's memory as its guest sees it.</summary>
    public VirtualMachine Vm => _parts.Vm;

    /// <summary>Counters up to now. Not after the machine was disposed.</summary>
    public MachineStatistics Statistics => new()
    {
        Elapsed = _age.Elapsed,
        Harts = [.. _parts.Board.Harts.Runners.Select(r => new HartReport(r.Hart.InstructionsRetired, r.Slices, r.Hart.Statistics))],
        Vm = _parts.Vm.Statistics,
        Memory = _parts.Vm.Memory.Statistics,
        SbiCalls = _parts.Board.Sbi.Calls,
        InterruptsClaimed = _parts.Board.Plic.Claims,
        SerialOutput = [.. _parts.Board.Channels.Select(c => c.BytesFromGuest)],
        FramesInUse = _parts.Frames.FramesInUse,
    };

    /// <summary>
    /// Builds a machine and loads its kernel. Throws <see cref="MachineConfigurationException"/>, one sentence, for options out of
    /// range, files that cannot be used, and memory that does not hold them.
    /// </summary>
    public static Machine Create(MachineOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        return new Machine(options);
    }

    /// <summary>The host's end of a UART; 0 is the console.</summary>
    public ISerialPort Uart(int index) => _parts.Board.Channels[index];

    /// <summary>
    /// Runs the machine to its end: to be called once. Completes when no vCPU runs any more and the output streams have everything.
    /// Cancelling ends the machine, whatever the guest is doing, and is reported as <see cref="MachineExitKind.Cancelled"/>, not thrown.
    /// </summary>
    public Task<MachineExit> RunAsync(CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
        if (Interlocked.Exchange(ref _started, 1) != 0)
            throw new InvalidOperationException("A machine runs once; create another one.");
        return _run = RunCoreAsync(cancellationToken);
    }

    /// <summary>Ends a run still going on, then gives everything back.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        End(MachineExitKind.Cancelled, "The machine was disposed.");
        await _abandoned.CancelAsync().ConfigureAwait(false);
        if (_run is not null)
            await _run.ConfigureAwait(false);
        _inputs.Dispose();
        _abandoned.Dispose();
        _parts.Dispose();
    }

    public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();

    void IMachineEvents.End(MachineExitKind kind, string detail, Exception? cause) => End(kind, detail, cause);

    void IMachineEvents.RunnerEnded()
    {
        if (Interlocked.Decrement(ref _runnersLeft) == 0)
            _allEnded.TrySetResult();
    }

    private void End(MachineExitKind kind, string detail, Exception? cause = null)
    {
        // The first reason counts; the flag comes second, so that whoever sees it finds the reason.
        if (_exit.TrySetResult(new MachineExit(kind, detail) { Cause = cause }))
            Volatile.Write(ref _ending, 1);
    }

    private async Task<MachineExit> RunCoreAsync(CancellationToken cancellationToken)
    {
        var outputs = StartPumps();
        using (cancellationToken.UnsafeRegister(static m => ((Machine)m!).End(MachineExitKind.Cancelled, "The run was cancelled."), this))
        using (var limit = new Timer(
            static m => ((Machine)m!).TimeIsOver(), this,
            _options.Timeout ?? Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan))
        {
            _parts.Board.Harts.Runners[0].Notify();
            var exit = await _exit.Task.ConfigureAwait(false);
            await StopRunnersAsync().ConfigureAwait(false);
            if (_options.Vm.Audit && _parts.Vm.Audit(atRest: true) is { IsClean: false } wrong)
                exit = new MachineExit(MachineExitKind.HostError, $"{wrong} (The run had ended: {exit.Detail})") { Cause = exit.Cause };
            foreach (var channel in _parts.Board.Channels)
                channel.Close();
            await _inputs.CancelAsync().ConfigureAwait(false);
            if (exit.Kind is MachineExitKind.Cancelled or MachineExitKind.TimedOut)
                await Task.WhenAny(outputs, Task.Delay(AbortedOutputGrace, CancellationToken.None)).ConfigureAwait(false);
            else
                await WaitAsync(outputs, cancellationToken).ConfigureAwait(false);
            return exit;
        }
    }

    /// <summary>The guest ended by itself: all that it said is delivered, unless the host has had enough.</summary>
    private async Task WaitAsync(Task outputs, CancellationToken cancellationToken)
    {
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _abandoned.Token);
        try
        {
            await outputs.WaitAsync(enough.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // What is left is lost, as whoever cancelled wanted it.
        }
    }

    private void TimeIsOver()
    {
        End(MachineExitKind.TimedOut, "The machine's time is over.");
        try
        {
            _abandoned.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The machine has gone meanwhile.
        }
    }

    /// <summary>Gets every vCPU out of the guest for good. A runner looks at the flag whenever it is notified.</summary>
    private async Task StopRunnersAsync()
    {
        // Whoever set the reason may not have got to set the flag yet; a runner that looks before that would go idle again, for good.
        Interlocked.Exchange(ref _ending, 1);
        foreach (var runner in _parts.Board.Harts.Runners)
            runner.Notify();
        await _allEnded.Task.ConfigureAwait(false);
    }

    private Task StartPumps()
    {
        var outputs = new List<Task>();
        for (var i = 0; i < _options.Serial.Count; i++)
        {
            var serial = _options.Serial[i];
            var channel = _parts.Board.Channels[i];
            if (serial.Output is { } output)
                outputs.Add(Task.Run(() => SerialPump.CopyOutputAsync(channel, output)));
            if (serial.Input is { } input)
            {
                // Not waited for: reading a terminal cannot be cancelled everywhere.
                _ = Task.Run(() => SerialPump.CopyInputAsync(input, channel, _inputs.Token));
            }
        }
        return Task.WhenAll(outputs);
    }

    /// <summary>
    /// The possessions of a machine, built bottom up and given back top down; a failure half way gives back what there is.
    /// </summary>
    private sealed class MachineParts : IDisposable
    {
        private readonly FramePool? _ownFrames;
        private readonly VcpuPool? _ownPool;
        private readonly GuestMemory? _memory;

        public MachineParts(MachineOptions options, IMachineEvents events)
        {
            var kernel = KernelFile.Open(options.KernelPath, MemoryMap.Ram, options.KernelCacheDirectory);
            var plan = BootPlan.Make(options, kernel);
            try
            {
                Frames = options.Frames ?? (_ownFrames = new FramePool(OwnPoolBytes(options)));
                var pool = options.Pool ?? (_ownPool = new VcpuPool(Math.Min(Environment.ProcessorCount, options.Cpus)));
                _memory = new GuestMemory(Frames, options.Budget, (ulong)options.MemoryBytes);
                plan.Load(_memory);
                Vm = new VirtualMachine(_memory.Space, options.Vm);
                _memory.Attach(Vm);
                Board = new Board(options, Vm, _memory, pool, events);
                Board.Harts.Restart(0, kernel.Entry, plan.Layout.DeviceTree, resumes: false);
            }
            catch
            {
                Dispose();
                throw;
            }
        }

        public FramePool Frames { get; } = null!;

        public VirtualMachine Vm { get; } = null!;

        public Board Board { get; } = null!;

        public void Dispose()
        {
            // The pool's threads first: nothing may still be on its way out of a runner when what it uses goes.
            _ownPool?.Dispose();
            Vm?.Dispose();
            Board?.Dispose();
            _memory?.Dispose();
            _ownFrames?.Dispose();
        }

        /// <summary>
        /// Twice the memory: each page of a mapped file may be there besides the guest's own copy. Only what is used is committed.
        /// </summary>
        private static long OwnPoolBytes(MachineOptions options) => 2 * options.MemoryBytes + (64L << 20);
    }
}
