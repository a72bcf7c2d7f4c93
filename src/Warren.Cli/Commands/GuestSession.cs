using System.Threading;
using Warren.Agent;
using Warren.Cli.Terminal;
using Warren.Machines;
using Warren.Machines.Serial;

namespace Warren.Cli.Commands;

/// <summary>One <c>warren run</c>: finds the guest, connects it to the terminal or the standard streams, and says how it ended.</summary>
internal sealed class GuestSession(RunSettings settings)
{
    private const int SignalInterrupt = 2;

    /// <summary>With no terminal to be interactive on, the shell reads its commands from standard input as any shell does.</summary>
    private static readonly string[] PipedShell = ["/bin/sh"];

    private MicroVm? _vm;

    public async Task<int> RunAsync(CancellationToken cancel)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        using var signals = new HostSignals(count => OnInterrupt(count, stop), () => Stop(stop), () => _ = ResizeAsync());
        using var source = await GuestSource.FindAsync(settings, stop.Token).ConfigureAwait(false);
        if (!source.IsLinux && settings.Command.Count > 0)
            throw new UserErrorException($"'{settings.Kernel}' is a bare program that runs no commands; leave out the command.");

        if (settings.Command.Count > 0) return await ExecAsync(source, settings.Command, stop).ConfigureAwait(false);
        if (HasOurShell(source) && !RawTerminal.IsTerminal) return await ExecAsync(source, PipedShell, stop).ConfigureAwait(false);
        return await ConsoleAsync(source, stop).ConfigureAwait(false);
    }

    /// <summary>Under a command line of the user's own, our init is not asked for anything.</summary>
    private bool HasOurShell(GuestSource source) => source.HasOurUserLand && settings.CommandLine is null;

    private async Task<int> ExecAsync(GuestSource source, IReadOnlyList<string> command, CancellationTokenSource stop)
    {
        using var log = new WatchedStream(StandardStreams.OpenError(), () => { });
        var console = settings.Verbose ? new SerialOptions { Output = log } : SerialOptions.Discard;
        _vm = await CreateAsync(source, MicroVmMode.Command, settings.Append, console, stop.Token).ConfigureAwait(false);
        await using (_vm.ConfigureAwait(false))
        {
            int status;
            try
            {
                var outcome = await _vm.ExecAsync(
                    command, CommandEnvironment(), StandardStreams.OpenInput(), StandardStreams.OpenOutput(), StandardStreams.OpenError(),
                    stop.Token)
                    .ConfigureAwait(false);
                status = Ended(command[0], outcome);
            }
            catch (AgentException e)
            {
                status = Fail(ExitStatus.GuestEnded, e.Message);
            }
            catch (StandardStreamException e)
            {
                status = Fail(ExitStatus.HostError, e.Message);
            }
            StatisticsReport.Write(settings.Statistics, _vm.Statistics);
            // What was asked for and could not be shown is no success.
            var isLost = log.Failure is StandardStreamException
                || (settings.Statistics != StatisticsFormat.None && StandardStreams.HasLostErrors);
            return isLost ? ExitStatus.HostError : status;
        }
    }

    /// <summary>
    /// Connects the guest's console: a shell of ours on the user's terminal, or whatever a system of the user's own says and hears.
    /// </summary>
    private async Task<int> ConsoleAsync(GuestSource source, CancellationTokenSource stop)
    {
        var quit = false;
        var output = new WatchedStream(StandardStreams.OpenOutput(), () => Stop(stop));
        var input = new WatchedStream(StandardStreams.OpenInput(), () => Stop(stop));
        var isTyped = settings.Guest is null && RawTerminal.IsTerminal;
        // The end of input that is not typed is the end of input, and nothing else.
        var console = new SerialOptions { Output = output, Input = settings.Guest is null && !isTyped ? input : null };
        var (mode, append) = HasOurShell(source)
            ? (MicroVmMode.Shell, $"{TerminalEnvironment()} {settings.Append}".Trim())
            : (MicroVmMode.Console, settings.Append);
        _vm = await CreateAsync(source, mode, append, console, stop.Token).ConfigureAwait(false);
        await using (_vm.ConfigureAwait(false))
        {
            ExecOutcome outcome;
            using (isTyped ? RawTerminal.TryEnter() : null)
            {
                if (isTyped)
                {
                    new TerminalInput(StandardStreams.OpenInput(), _vm.Console, StandardStreams.OpenOutput(), byUser =>
                    {
                        quit = byUser;
                        Stop(stop);
                    }).Start();
                }
                await ResizeAsync().ConfigureAwait(false);
                outcome = HasOurShell(source)
                    ? await _vm.RunShellAsync(stop.Token).ConfigureAwait(false)
                    : new ExecOutcome(null, await _vm.RunAsync(stop.Token).ConfigureAwait(false));
            }
            // What we say next starts a line of its own, wherever the guest's prompt left the cursor.
            if (RawTerminal.IsTerminal && outcome.Machine.Kind is MachineExitKind.Cancelled or MachineExitKind.TimedOut)
                await Console.Error.WriteLineAsync().ConfigureAwait(false);
            StatisticsReport.Write(settings.Statistics, _vm.Statistics);
            return (output.Failure ?? input.Failure) switch
            {
                OutputClosedException => ExitStatus.OutputClosed,
                { } failure => Fail(ExitStatus.HostError, failure.Message),
                null when outcome.Machine.Kind == MachineExitKind.Cancelled && quit => ExitStatus.Success,
                null when settings.Statistics != StatisticsFormat.None && StandardStreams.HasLostErrors => ExitStatus.HostError,
                null => Ended(command: null, outcome),
            };
        }
    }

    private Task<MicroVm> CreateAsync(GuestSource source, MicroVmMode mode, string append, SerialOptions console, CancellationToken cancel)
    {
        var options = new MicroVmOptions
        {
            Mode = mode,
            KernelPath = source.Kernel,
            InitrdPath = source.Initrd,
            CommandLine = settings.CommandLine,
            Append = append,
            MemoryBytes = settings.MemoryBytes,
            Cpus = settings.Cpus,
            MaxPaging = settings.MaxPaging,
            Vm = settings.Vm,
            Timeout = settings.Timeout,
            Verbose = settings.Verbose,
            Console = console,
        };
        return GuestSource.Interruptible(() => MicroVm.Create(options), cancel);
    }

    /// <param name="command">What had to report its end, or null when the guest may end as it likes.</param>
    /// <param name="outcome">What came of it.</param>
    private int Ended(string? command, ExecOutcome outcome) => (outcome.Machine.Kind, outcome.Result) switch
    {
        (MachineExitKind.HostError, _) => Fail(ExitStatus.HostError, outcome.Machine.Detail),
        (_, { NotFound: true }) =>
            Fail(ExitStatus.NotFound,
                $"The command '{command}' does not exist in the guest; see what there is with: warren run -- ls /bin."),
        (_, { ExecErrno: not 0 and var errno }) =>
            Fail(ExitStatus.CannotExecute, $"The command '{command}' cannot be executed in the guest (errno {errno})."),
        (_, { Signal: not 0 and var signal }) => ExitStatus.Signalled(signal),
        (_, { } result) => result.ExitCode,
        (MachineExitKind.PowerOff or MachineExitKind.Reboot, _) when command is null => ExitStatus.Success,
        (MachineExitKind.PowerOff, _) => Fail(ExitStatus.GuestEnded, "The guest powered off before the command had reported its status."),
        (MachineExitKind.Reboot, _) => Fail(ExitStatus.GuestEnded, "The guest rebooted before the command had reported its status."),
        (MachineExitKind.Panic, _) => Fail(ExitStatus.GuestPanic, $"The guest kernel panicked: {Printable(outcome.Machine.Detail)}"),
        (MachineExitKind.SystemFailure, _) =>
            Fail(ExitStatus.SystemFailure, $"The guest shut down with a system failure: {Printable(outcome.Machine.Detail)}"),
        (MachineExitKind.Stuck, _) => Fail(ExitStatus.SystemFailure, Printable(outcome.Machine.Detail)),
        (MachineExitKind.TimedOut, _) =>
            Fail(ExitStatus.TimedOut, $"The guest was ended after {settings.Timeout?.TotalSeconds} s, as --timeout says."),
        _ => Fail(ExitStatus.Interrupted, "Interrupted."),
    };

    private void OnInterrupt(int count, CancellationTokenSource stop)
    {
        if (count == 1 && _vm is { } vm && settings.Command.Count > 0)
        {
            _ = Task.Run(async () =>
            {
                if (!await vm.SignalAsync(SignalInterrupt, stop.Token).ConfigureAwait(false)) Stop(stop);
            });
            return;
        }
        Stop(stop);
    }

    private async Task ResizeAsync()
    {
        if (_vm is { } vm && RawTerminal.WindowSize() is { } size) await vm.ResizeAsync(size.Rows, size.Columns).ConfigureAwait(false);
    }

    private static void Stop(CancellationTokenSource stop)
    {
        try
        {
            stop.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It had already ended.
        }
    }

    private static int Fail(int status, string sentence)
    {
        Console.Error.WriteLine($"warren: {sentence.TrimEnd('.')}.");
        return status;
    }

    /// <summary>The guest's words on the user's terminal: control characters could reprogram it.</summary>
    private static string Printable(string text) => string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c));

    /// <summary>The terminal's kind; the kernel hands a "NAME=value" that it does not know itself to init, as environment.</summary>
    private static string TerminalEnvironment()
    {
        var term = Environment.GetEnvironmentVariable("TERM");
        return $"TERM={(string.IsNullOrEmpty(term) || term.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not '-') ? "vt100" : term)}";
    }

    private static string[] CommandEnvironment() =>
        ["PATH=/sbin:/bin:/usr/sbin:/usr/bin", "HOME=/root", "USER=root", "LOGNAME=root", "SHELL=/bin/sh", "TERM=dumb"];
}
