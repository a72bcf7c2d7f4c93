using System.Threading;
using Warren.Agent;
using Warren.HostMemory;
using Warren.Machines;
using Warren.Machines.Serial;
using Warren.RiscV;

namespace Warren;

/// <summary>How a command run by <see cref="MicroVm.ExecAsync"/>, or a shell run by <see cref="MicroVm.RunShellAsync"/>, ended.</summary>
/// <param name="Result">Its own end; null when the machine ended first.</param>
/// <param name="Machine">
/// How the machine ended. After a command that reported its end this is <see cref="MachineExitKind.PowerOff"/>: the guest is on its way
/// there and is not waited for. It is <see cref="MachineExitKind.HostError"/> all the same when the host then found fault with the machine.
/// </param>
public readonly record struct ExecOutcome(ExecResult? Result, MachineExit Machine);

/// <summary>
/// One Linux (or bare-metal) guest in this process. It runs once, by the method of its <see cref="MicroVmOptions.Mode"/>. Disposing it ends
/// the guest, cancels what runs in it, and gives all its memory back.
/// </summary>
public sealed class MicroVm : IAsyncDisposable
{
    private const int AgentUart = 1;

    /// <summary>
    /// Decoded code of all harts together, at least a part each. A boot of Debian decodes 15 MB; a hart whose arena is full starts it anew,
    /// which costs less than the memory would: a process is to need at most 80 MB beyond what its guest touched.
    /// </summary>
    private const int CodeArenas = 16 << 20, LeastCodeArena = 2 << 20;

    /// <summary>How long what a machine sent before the host ended it may take to reach the caller's streams.</summary>
    private static readonly TimeSpan AbortedOutputGrace = TimeSpan.FromSeconds(1);

    private readonly Machine _machine;
    private readonly MicroVmMode _mode;
    private readonly TimeSpan? _timeout;
    private readonly AgentConnection _agent;
    private readonly CancellationTokenSource _disposing = new();
    private Task _conversation = Task.CompletedTask;
    private (int Rows, int Columns)? _size;

    private MicroVm(Machine machine, MicroVmMode mode, TimeSpan? timeout)
    {
        _machine = machine;
        _mode = mode;
        _timeout = timeout;
        _agent = new AgentConnection(new SerialPortStream(machine.Uart(AgentUart)));
    }

    /// <summary>The console (ttyS0), for a caller that chose neither a stream nor to discard it.</summary>
    public ISerialPort Console => _machine.Uart(0);

    /// <summary>Counters up to now; not after disposal.</summary>
    public MachineStatistics Statistics => _machine.Statistics;

    /// <summary>Builds the VM and loads its kernel.</summary>
    /// <param name="options">What it is made of.</param>
    /// <exception cref="HostMemoryException">The host does not give the memory: a limit stands in the way.</exception>
    /// <exception cref="MachineConfigurationException">An option is out of range, or a file is not what it should be: one
    /// sentence.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such <see cref="MicroVmOptions.Mode"/>.</exception>
    public static MicroVm Create(MicroVmOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentException.ThrowIfNullOrEmpty(options.KernelPath);
        ArgumentNullException.ThrowIfNull(options.Append);
        ArgumentNullException.ThrowIfNull(options.Console);
        if (!Enum.IsDefined(options.MaxPaging) || options.MaxPaging == SatpMode.Bare)
            throw new ArgumentOutOfRangeException(nameof(options), options.MaxPaging, "The widest paging mode is Sv39, Sv48 or Sv57.");
        return new MicroVm(Machine.Create(new MachineOptions
        {
            KernelPath = options.KernelPath,
            InitrdPath = options.InitrdPath,
            CommandLine = CommandLine(options),
            MemoryBytes = options.MemoryBytes,
            Cpus = options.Cpus,
            Hart = new HartOptions
            { MaxSatpMode = options.MaxPaging, CodeArenaBytes = Math.Max(CodeArenas / Math.Max(options.Cpus, 1), LeastCodeArena) },
            Vm = options.Vm,
            Timeout = options.Timeout,
            Serial = [options.Console, new SerialOptions()],
            Frames = options.Frames,
            Budget = options.Budget ?? ProcessMemory.Budget,
            Pool = options.Pool,
        }), options.Mode, options.Timeout);
    }

    private static string CommandLine(MicroVmOptions options)
    {
        if (options.CommandLine is not { } exact)
            return GuestCommandLine.Compose(options.Mode, options.Verbose, options.Append);
        return options.Append.Length == 0 ? exact
            : throw new MachineConfigurationException(
                "The kernel's command line is given whole, and something to append to it as well; put all of it into the one.");
    }

    /// <summary>
    /// Runs a system of the caller's own until it ends, the time is over, or <paramref name="cancel"/> ends it; never throws for any of
    /// these.
    /// </summary>
    /// <exception cref="InvalidOperationException">It was not made for this, or has run.</exception>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public Task<MachineExit> RunAsync(CancellationToken cancel = default)
    {
        Require(MicroVmMode.Console);
        return _machine.RunAsync(cancel);
    }

    /// <summary>Boots, and waits for the end of the shell on the console, or of the guest.</summary>
    /// <param name="cancel">Ends the guest.</param>
    /// <exception cref="InvalidOperationException">It was not made for this, or has run.</exception>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public Task<ExecOutcome> RunShellAsync(CancellationToken cancel = default)
    {
        Require(MicroVmMode.Shell);
        return Converse(ShellAsync, cancel);

        async Task<ExecOutcome> ShellAsync(Task<MachineExit> running, CancellationToken stop)
        {
            ExecResult? result = null;
            try
            {
                result = await _agent.RunShellAsync(() => SendSizeAsync(stop), stop).ConfigureAwait(false);
            }
            catch (AgentException)
            {
                // The shell has its console, whatever else the guest's root user writes to the agent's line; only its status stays unknown.
            }
            return new ExecOutcome(result, await running.ConfigureAwait(false));
        }
    }

    /// <summary>Boots, runs one command through the guest's agent, and ends the guest.</summary>
    /// <param name="command">The command and its arguments, as <see cref="GuestText"/> has them; found by PATH in the guest.</param>
    /// <param name="environment">Its environment, as NAME=value.</param>
    /// <param name="input">Its standard input; null for an empty one.</param>
    /// <param name="output">Receives its standard output; as slowly as it takes it, so slowly runs the command.</param>
    /// <param name="error">Receives its standard error.</param>
    /// <param name="cancel">Ends the guest.</param>
    /// <exception cref="ArgumentException">The command is empty, or a string cannot be passed to a Linux program.</exception>
    /// <exception cref="AgentException">The agent broke its protocol while the machine was still running.</exception>
    /// <exception cref="InvalidOperationException">It was not made for this, or has run.</exception>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    /// <exception cref="Exception">Whatever one of the streams threw, but <see cref="OutputClosedException"/>; the guest was
    /// ended.</exception>
    public Task<ExecOutcome> ExecAsync(
        IReadOnlyList<string> command, IReadOnlyList<string> environment, Stream? input, Stream output, Stream error,
        CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(error);
        var request = ExecRequest.Create(command, environment);
        Require(MicroVmMode.Command);
        return Converse(CommandAsync, cancel);

        async Task<ExecOutcome> CommandAsync(Task<MachineExit> running, CancellationToken stop)
        {
            try
            {
                var result = await _agent.RunCommandAsync(request, input, output, error, stop).ConfigureAwait(false);
                return new ExecOutcome(result, new MachineExit(MachineExitKind.PowerOff, "The command has ended."));
            }
            catch (AgentException e) when (e.LineEnded)
            {
                return new ExecOutcome(null, await running.ConfigureAwait(false));
            }
        }
    }

    /// <summary>Delivers a signal to the command of a running <see cref="ExecAsync"/>; false when there is none yet or any more.</summary>
    /// <param name="signal">Linux's number, 1 to 64.</param>
    /// <param name="cancel">Gives up.</param>
    public async Task<bool> SignalAsync(int signal, CancellationToken cancel = default)
    {
        if (signal is < 1 or > 64) throw new ArgumentOutOfRangeException(nameof(signal), signal, "A signal is a number from 1 to 64.");
        if (!_agent.IsRunning) return false;
        try
        {
            await _agent.SignalAsync(signal, cancel).ConfigureAwait(false);
            return true;
        }
        catch (AgentException)
        {
            return false;
        }
    }

    /// <summary>Sets the size of the terminal of <see cref="RunShellAsync"/>, which may not have begun yet.</summary>
    /// <param name="rows">Lines, 1 to 65535.</param>
    /// <param name="columns">Characters of a line, 1 to 65535.</param>
    /// <param name="cancel">Gives up.</param>
    public async Task ResizeAsync(int rows, int columns, CancellationToken cancel = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rows, ushort.MaxValue);
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(columns, ushort.MaxValue);
        _size = (rows, columns);
        if (_mode != MicroVmMode.Shell || !_agent.IsRunning) return;
        try
        {
            await SendSizeAsync(cancel).ConfigureAwait(false);
        }
        catch (AgentException)
        {
            // The guest has just ended.
        }
    }

    /// <summary>Ends the guest if it still runs, which cancels what the caller waits for, and frees everything it used.</summary>
    public async ValueTask DisposeAsync()
    {
        await _disposing.CancelAsync().ConfigureAwait(false);
        await _conversation.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _machine.DisposeAsync().ConfigureAwait(false);
    }

    private void Require(MicroVmMode mode)
    {
        if (_mode != mode)
        {
            throw new InvalidOperationException(
                $"This machine was made with {nameof(MicroVmMode)}.{_mode}; set {nameof(MicroVmOptions)}.{nameof(MicroVmOptions.Mode)} to "
                    + $"{mode}.");
        }
    }

    private Task SendSizeAsync(CancellationToken cancel) =>
        _size is { } size ? _agent.ResizeAsync(size.Rows, size.Columns, cancel) : Task.CompletedTask;

    /// <summary>Runs the machine beside a talk with its agent; the end of either ends both.</summary>
    private Task<ExecOutcome> Converse(Func<Task<MachineExit>, CancellationToken, Task<ExecOutcome>> talk, CancellationToken cancel)
    {
        var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel, _disposing.Token);
        Task<MachineExit> running;
        try
        {
            running = _machine.RunAsync(stop.Token);
        }
        catch
        {
            stop.Dispose();
            throw;
        }
        var conversation = ConverseAsync();
        _conversation = conversation;
        return conversation;

        async Task<ExecOutcome> ConverseAsync()
        {
            using (stop)
            {
                _ = running.ContinueWith(StopTalking, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
                var isOver = false;
                // The machine's own limit ends with the machine; what it said may still be on its way to a stream that never takes it.
                using var limit = new Timer(_ =>
                {
                    isOver = true;
                    Cancel(TimeSpan.Zero);
                }, null, _timeout is { } time ? time + AbortedOutputGrace : Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
                ExecOutcome outcome;
                try
                {
                    outcome = await talk(running, stop.Token).ConfigureAwait(false);
                }
                catch (OperationCanceledException) when (stop.IsCancellationRequested)
                {
                    var exit = await running.ConfigureAwait(false);
                    outcome =
                        new ExecOutcome(null,
                            isOver && !cancel.IsCancellationRequested
                                ? new MachineExit(MachineExitKind.TimedOut, "The machine's time is over.") : exit);
                }
                finally
                {
                    await stop.CancelAsync().ConfigureAwait(false);
                    await running.ConfigureAwait(false);
                }
                return await running.ConfigureAwait(false) is { Kind: MachineExitKind.HostError } error ? outcome with { Machine = error }
                    : outcome;
            }
        }

        // Output that is still on its way is delivered, unless it was the host that ended the machine: then nobody is kept waiting by a
        // slow reader.
        void StopTalking(Task<MachineExit> ended)
        {
            if (ended.IsFaulted || ended.Result.Kind is MachineExitKind.Cancelled or MachineExitKind.TimedOut or MachineExitKind.HostError)
                Cancel(AbortedOutputGrace);
        }

        void Cancel(TimeSpan after)
        {
            try
            {
                stop.CancelAfter(after);
            }
            catch (ObjectDisposedException)
            {
                // The talk had ended before.
            }
        }
    }
}
