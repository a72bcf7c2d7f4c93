using System.Threading;
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

    private int _interrupted;

    public async Task<int> RunAsync(CancellationToken cancel)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        MicroVm? current = null;
        using var signals = new HostSignals(
            count => OnInterrupt(count, Volatile.Read(ref current), stop),
            () => Stop(stop));
        using var source = await GuestSource.FindAsync(settings, stop.Token).ConfigureAwait(false);
        if (!source.IsLinux && settings.Command.Count > 0)
            throw new UserErrorException($"'{settings.Kernel}' is a bare program that runs no commands; leave out the command.");

        var command = settings.Command.Count > 0 ? settings.Command : source.IsLinux && !RawTerminal.IsTerminal ? PipedShell : null;
        var vm = Create(source, command is not null);
        await using (vm.ConfigureAwait(false))
        {
            Volatile.Write(ref current, vm);
            var status = command is not null
                ? await ExecAsync(vm, command, stop.Token).ConfigureAwait(false)
                : await ConsoleAsync(vm, source, stop).ConfigureAwait(false);
            StatisticsReport.Write(settings.Statistics, vm.Statistics);
            return status;
        }
    }

    private MicroVm Create(GuestSource source, bool hasCommand)
    {
        var output = hasCommand ? (settings.Verbose ? StandardStreams.OpenError() : null) : StandardStreams.OpenOutput();
        return MicroVm.Create(new MicroVmOptions
        {
            KernelPath = source.Kernel,
            InitrdPath = source.Initrd,
            Append = hasCommand ? settings.Append : $"{TerminalEnvironment()} {settings.Append}".Trim(),
            MemoryBytes = settings.MemoryBytes,
            Cpus = settings.Cpus,
            MaxPaging = settings.MaxPaging,
            Gate = settings.Gate,
            Mmu = settings.Mmu,
            Audit = settings.Audit,
            Timeout = settings.Timeout,
            Verbose = settings.Verbose,
            Console = output is null ? SerialOptions.Discard : new SerialOptions { Output = output },
        }, hasCommand ? GuestCommandLine.AgentMode : GuestCommandLine.ShellMode);
    }

    private async Task<int> ExecAsync(MicroVm vm, IReadOnlyList<string> command, CancellationToken cancel)
    {
        var outcome = await vm.ExecAsync(
            command, CommandEnvironment(), StandardStreams.OpenInput(), StandardStreams.OpenOutput(), StandardStreams.OpenError(), cancel).ConfigureAwait(false);
        return outcome.Result switch
        {
            { NotFound: true } => Fail(ExitStatus.NotFound, $"The command '{command[0]}' does not exist in the guest; see what there is with: warren run -- ls /bin."),
            { ExecErrno: not 0 and var errno } => Fail(ExitStatus.CannotExecute, $"The command '{command[0]}' cannot be executed in the guest (errno {errno})."),
            { Signal: not 0 and var signal } => ExitStatus.Signalled(signal),
            { } result => result.ExitCode,
            null => Ended(outcome.Machine, commandPending: true),
        };
    }

    private async Task<int> ConsoleAsync(MicroVm vm, GuestSource source, CancellationTokenSource stop)
    {
        var quit = false;
        MachineExit exit;
        using (settings.Guest is null ? RawTerminal.TryEnter() : null)
        {
            if (settings.Guest is null)
            {
                new TerminalInput(StandardStreams.OpenInput(), vm.Console, StandardStreams.OpenOutput(), () =>
                {
                    quit = true;
                    Stop(stop, interrupted: false);
                }).Start();
            }
            exit = await vm.RunAsync(stop.Token).ConfigureAwait(false);
        }
        // What we say next starts a line of its own, wherever the guest's prompt left the cursor.
        if (RawTerminal.IsTerminal && exit.Kind is (MachineExitKind.Cancelled or MachineExitKind.TimedOut))
            await Console.Error.WriteLineAsync().ConfigureAwait(false);
        if (exit.Kind == MachineExitKind.Cancelled && quit && RawTerminal.IsTerminal) return ExitStatus.Success;
        return Ended(exit, commandPending: false);
    }

    private int Ended(MachineExit exit, bool commandPending) => exit.Kind switch
    {
        MachineExitKind.PowerOff or MachineExitKind.Reboot when !commandPending => ExitStatus.Success,
        MachineExitKind.PowerOff => Fail(ExitStatus.GuestEnded, "The guest powered off before the command had reported its status."),
        MachineExitKind.Reboot => Fail(ExitStatus.GuestEnded, "The guest rebooted before the command had reported its status."),
        MachineExitKind.Panic => Fail(ExitStatus.GuestPanic, $"The guest kernel panicked: {Printable(exit.Detail)}"),
        MachineExitKind.SystemFailure => Fail(ExitStatus.SystemFailure, $"The guest shut down with a system failure: {Printable(exit.Detail)}"),
        MachineExitKind.TimedOut => Fail(ExitStatus.TimedOut, $"The guest was ended after {settings.Timeout?.TotalSeconds} s, as --timeout says."),
        MachineExitKind.Cancelled when _interrupted == 0 && commandPending => Fail(ExitStatus.GuestEnded, "The guest's agent broke off before the command had reported its status."),
        MachineExitKind.Cancelled => Fail(ExitStatus.Interrupted, "Interrupted."),
        _ => Fail(ExitStatus.HostError, exit.Detail),
    };

    private void OnInterrupt(int count, MicroVm? vm, CancellationTokenSource stop)
    {
        if (count == 1 && vm is not null && settings.Command.Count > 0)
        {
            _ = Task.Run(async () =>
            {
                if (!await vm.SignalAsync(SignalInterrupt, stop.Token).ConfigureAwait(false)) Stop(stop);
            });
            return;
        }
        Stop(stop);
    }

    private void Stop(CancellationTokenSource stop, bool interrupted = true)
    {
        if (interrupted) Interlocked.Exchange(ref _interrupted, 1);
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

    /// <summary>Words for init (guest/init); the kernel hands it those "NAME=value" that it does not know itself, as environment.</summary>
    private static string TerminalEnvironment()
    {
        var size = RawTerminal.WindowSize();
        var term = Environment.GetEnvironmentVariable("TERM");
        var words = new List<string> { $"TERM={(string.IsNullOrEmpty(term) || term.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not '-') ? "vt100" : term)}" };
        if (size is { } s) words.Add($"warren.rows={s.Rows} warren.cols={s.Columns}");
        return string.Join(' ', words);
    }

    private static string[] CommandEnvironment() =>
        ["PATH=/sbin:/bin:/usr/sbin:/usr/bin", "HOME=/root", "USER=root", "LOGNAME=root", "SHELL=/bin/sh", "TERM=dumb"];
}
