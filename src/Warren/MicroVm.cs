using System.Threading;
using Warren.Agent;
using Warren.Machines;
using Warren.Machines.Serial;
using Warren.RiscV;

namespace Warren;

/// <summary>How a command run by <see cref="MicroVm.ExecAsync"/> ended.</summary>
/// <param name="Result">The command's own end; null when the machine ended first.</param>
/// <param name="Machine">How the machine ended; <see cref="MachineExitKind.Cancelled"/> when it was ended because the command was done.</param>
public readonly record struct ExecOutcome(ExecResult? Result, MachineExit Machine);

/// <summary>
/// One Linux (or bare-metal) guest in this process. It runs once: either <see cref="RunAsync"/> with a console, or
/// <see cref="ExecAsync"/> for one command. Disposing it ends the guest and gives all its memory back.
/// </summary>
public sealed class MicroVm : IAsyncDisposable
{
    private const int AgentUart = 1;

    /// <summary>
    /// Decoded code of all harts together, at least a part each. A boot of Debian decodes 15 MB; a hart whose arena is full starts it anew,
    /// which costs less than the memory would: a process is to need at most 80 MB beyond what its guest touched.
    /// </summary>
    private const int CodeArenas = 16 << 20, LeastCodeArena = 2 << 20;

    private readonly Machine _machine;
    private AgentConnection? _agent;

    private MicroVm(Machine machine) => _machine = machine;

    /// <summary>The console (ttyS0), for a caller that chose neither a stream nor to discard it.</summary>
    public ISerialPort Console => _machine.Uart(0);

    /// <summary>Counters up to now; not after disposal.</summary>
    public MachineStatistics Statistics => _machine.Statistics;

    /// <summary>Builds the VM and loads its kernel.</summary>
    /// <param name="options">What it is made of.</param>
    /// <param name="mode">One of <see cref="GuestCommandLine"/>'s modes; ignored by kernels that know nothing of it.</param>
    /// <exception cref="MachineConfigurationException">An option is out of range, or a file is not what it should be: one sentence.</exception>
    public static MicroVm Create(MicroVmOptions options, string mode)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new MicroVm(Machine.Create(new MachineOptions
        {
            KernelPath = options.KernelPath,
            InitrdPath = options.InitrdPath,
            CommandLine = GuestCommandLine.Compose(mode, options.Verbose, options.Append),
            MemoryBytes = options.MemoryBytes,
            Cpus = options.Cpus,
            Hart = new HartOptions { MaxSatpMode = options.MaxPaging, CodeArenaBytes = Math.Max(CodeArenas / Math.Max(options.Cpus, 1), LeastCodeArena) },
            Gate = options.Gate,
            Mmu = options.Mmu,
            HugePages = options.HugePages,
            Audit = options.Audit,
            Timeout = options.Timeout,
            Serial = [options.Console, new SerialOptions()],
            Frames = options.Frames,
            Pool = options.Pool,
        }));
    }

    /// <summary>Runs the guest until it ends, the time is over, or <paramref name="cancel"/> ends it; never throws for any of these.</summary>
    public Task<MachineExit> RunAsync(CancellationToken cancel = default) => _machine.RunAsync(cancel);

    /// <summary>Boots, runs one command through the guest's agent, and ends the guest.</summary>
    /// <param name="command">The command and its arguments; found by PATH in the guest.</param>
    /// <param name="environment">Its environment, as NAME=value.</param>
    /// <param name="input">Its standard input; null for an empty one.</param>
    /// <param name="output">Receives its standard output.</param>
    /// <param name="error">Receives its standard error.</param>
    /// <param name="cancel">Ends the guest.</param>
    /// <exception cref="AgentException">The agent broke its protocol while the machine was still running.</exception>
    public async Task<ExecOutcome> ExecAsync(
        IReadOnlyList<string> command, IReadOnlyList<string> environment, Stream? input, Stream output, Stream error, CancellationToken cancel = default)
    {
        using var done = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        using var agent = new AgentConnection(new SerialPortStream(_machine.Uart(AgentUart)));
        _agent = agent;
        var running = _machine.RunAsync(done.Token);
        try
        {
            var result = await agent.RunAsync(command, environment, input, output, error, done.Token).ConfigureAwait(false);
            await done.CancelAsync().ConfigureAwait(false);
            return new ExecOutcome(result, await running.ConfigureAwait(false));
        }
        catch (Exception e) when (e is AgentException or OperationCanceledException or IOException && EndedByItself(running))
        {
            return new ExecOutcome(null, await running.ConfigureAwait(false));
        }
        finally
        {
            _agent = null;
            await done.CancelAsync().ConfigureAwait(false);
            await running.ConfigureAwait(false);
        }

        // The serial line closes just before the run completes, so the end of the line means that the machine is ending.
        bool EndedByItself(Task<MachineExit> run) => run.Wait(TimeSpan.FromSeconds(5), CancellationToken.None) || cancel.IsCancellationRequested;
    }

    /// <summary>Delivers a signal to the command of a running <see cref="ExecAsync"/>; false when there is none yet or any more.</summary>
    public async Task<bool> SignalAsync(int signal, CancellationToken cancel = default)
    {
        if (_agent is not { IsRunning: true } agent) return false;
        try
        {
            await agent.SignalAsync(signal, cancel).ConfigureAwait(false);
            return true;
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            return false;
        }
    }

    /// <summary>Ends the guest if it still runs and frees everything it used.</summary>
    public ValueTask DisposeAsync() => _machine.DisposeAsync();
}
