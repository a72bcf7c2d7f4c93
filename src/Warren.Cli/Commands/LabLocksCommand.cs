using System.CommandLine;
using System.Globalization;
using System.Threading;
using Spectre.Console;
using Warren.Cli.CommandLine;
using Warren.Cli.Terminal;
using Warren.Locking;
using Warren.Machines;

namespace Warren.Cli.Commands;

/// <summary>
/// <c>warren lab locks</c>: boots a guest under the lock validator and shows the graph of lock classes it saw. 0: no violation; 1: some.
/// </summary>
internal static class LabLocksCommand
{
    /// <summary>Exercises more than a boot alone: processes, pages that are given back, files.</summary>
    private static readonly string[] Work =
        ["/bin/sh", "-c", "ls -R /bin >/dev/null; dd if=/dev/zero of=/tmp/w bs=1M count=8 2>/dev/null; rm -f /tmp/w; true"];

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    public static Command Build()
    {
        var guest = Options.Choice("--guest", "NAME", "An embedded guest instead of Debian's kernel: 'selftest' needs neither network nor "
            + "cache.", [RunSettings.SelftestGuest]);
        var cpus = Options.Cpus(2);
        var mirror = ImageCommand.MirrorOption();
        var offline = Options.Flag("--offline", "Use only what the cache holds.");
        var svg = Options.File("--svg", "Write the graph as a drawing.");
        var json = LabOptions.Json();
        var command =
            new Command("locks", "Boot a guest under the lock validator: the classes, their order, and what violates it.")
            { guest, cpus, mirror, offline, svg, json };
        command.SetAction(async (result, cancel) =>
        {
            var settings = new RunSettings
            {
                Guest = result.GetValue(guest),
                Cpus = (int)result.GetValue(cpus),
                MemoryBytes = 512L << 20,
                Mirror = result.GetValue(mirror),
                Offline = result.GetValue(offline),
                Timeout = Patience,
            };
            settings.Validate();
            using var drawing = OutputFile.Open(result.GetValue(svg), svg.Name);
            var interrupted = await RunAsync(settings, cancel).ConfigureAwait(false);
            return Show(LockGraph.Capture(), interrupted, result.GetValue(json), drawing);
        });
        return command;
    }

    private static async Task<bool> RunAsync(RunSettings settings, CancellationToken cancel)
    {
        LockClasses.Declare();
        LockValidator.Install();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        using var signals = new HostSignals(_ => stop.Cancel(), stop.Cancel);
        try
        {
            using var source = await GuestSource.FindAsync(settings, stop.Token).ConfigureAwait(false);
            var options =
                new MicroVmOptions
                {
                    KernelPath = source.Kernel,
                    InitrdPath = source.Initrd,
                    Cpus = settings.Cpus,
                    MemoryBytes = settings.MemoryBytes,
                    Timeout = settings.Timeout,
                    Mode = source.IsLinux ? MicroVmMode.Command : MicroVmMode.Console
                };
            var vm = MicroVm.Create(options);
            await using (vm.ConfigureAwait(false))
            {
                var (finished, exit) = source.IsLinux ? await WorkAsync(vm, stop.Token).ConfigureAwait(false)
                    : (false, await vm.RunAsync(stop.Token).ConfigureAwait(false));
                if (stop.IsCancellationRequested)
                    return true;
                return finished || exit.Kind == MachineExitKind.PowerOff
                    ? false
                    : throw new UserErrorException($"The guest ended early ({exit.Kind}): run it with 'warren run --verbose' to see why");
            }
        }
        catch (OperationCanceledException)
        {
            return true;
        }
    }

    private static async Task<(bool Finished, MachineExit Exit)> WorkAsync(MicroVm vm, CancellationToken cancel)
    {
        var outcome = await vm.ExecAsync(Work, [], null, Stream.Null, Stream.Null, cancel).ConfigureAwait(false);
        return (outcome.Result is not null, outcome.Machine);
    }

    private static int Show(LockGraph graph, bool interrupted, bool json, OutputFile? drawing)
    {
        if (json)
            Console.Out.WriteLine(graph.ToJson());
        else
            Print(graph, interrupted);
        drawing?.Write(graph.ToSvg());
        return interrupted ? ExitStatus.Interrupted : graph.Reports.Count > 0 ? ExitStatus.Found : ExitStatus.Success;
    }

    private static void Print(LockGraph graph, bool interrupted)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn(new TableColumn("class").NoWrap())
            .AddColumn(new TableColumn("kind").NoWrap())
            .AddColumn(new TableColumn("waits").NoWrap()).AddColumn("was taken while holding");
        for (var i = 0; i < graph.Classes.Count; i++)
        {
            var c = graph.Classes[i];
            var outer = graph.Edges.Where(e => e.To == i && e.Chains > 0)
                .Select(e => Markup.Escape(graph.Classes[e.From].Name) + (e.IsViolating ? " [red](violation)[/]" : ""));
            table.AddRow(Markup.Escape(c.Name), c.Kind, c.Context.ToString().ToLowerInvariant(), string.Join(", ", outer));
        }

        Consoles.Output().Write(table);
        foreach (var report in graph.Reports)
            Console.Out.WriteLine(report.Text);
        var violations = graph.Reports.Count switch { 0 => "no violation", 1 => "1 violation", var n => $"{n} violations" };
        Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{(interrupted ? "Interrupted: " : "")}{graph.Classes.Count} classes, {graph.Edges.Count(e => e.Chains > 0)} dependencies "
                + $"seen in {graph.ChainCount} chains, {violations}."));
    }
}
