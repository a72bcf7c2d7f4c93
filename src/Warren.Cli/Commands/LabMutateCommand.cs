using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Spectre.Console;
using Warren.Cli.CommandLine;
using Warren.Cli.Terminal;
using Warren.Lab.Mutation;
using Warren.Lab.Reports;

namespace Warren.Cli.Commands;

/// <summary><c>warren lab mutate</c>: how many small mistakes in the production code the core and generated scenarios notice.</summary>
internal static class LabMutateCommand
{
    private const string WorkerName = "mutate-worker";

    public static Command Build()
    {
        var area = Options.Text("--area", "PATH", "Keep to a file or directory, like src/Warren.Hypervisor/Tdp.",
            "the path of a file or directory of the sources");
        var time = LabOptions.Time("Try no further mutant after this long; those under way are finished, and the same command goes on "
            + "from there. "
                + "The time begins once mutants are compiled and it is known which scenarios reach them.");
        var sample = new ValueOption<long?>("--sample", "N", "Try so many, drawn from every file in proportion.",
            "a number from 1 to 1000000",
            (string text, out long? value) =>
                (value = OptionParsers.TryNumber(text, out var number) && number is > 0 and <= 1_000_000 ? number : null) is not null);
        var seed = LabOptions.Seed();
        var least = Options.Number("--least", "End with status 1 when fewer of a hundred are killed.", 0, 100, 0);
        var fresh = Options.Flag("--fresh", "Try again what has a result from an earlier run.");
        var show = Options.Text("--show", "ID", "Print a mutant as a diff that 'warren lab try' takes, and try nothing.",
            "the id of a mutant, as a survivor is listed with");
        var json = LabOptions.Json();
        var command = new Command("mutate",
            "Make small mistakes in the production code, one at a time, and count those that core and generated scenarios notice.")
                { area, time, sample,
            seed, least, fresh, show, json };
        command.SetAction(result =>
        {
            if (result.GetValue(show) is { } id)
                return Show(id);
            var options = new MutationOptions
            {
                Directory = Path.Combine(ImageCommand.OpenStore(null).Directory, "mutation"),
                Worker = Worker,
                Workers = Environment.ProcessorCount,
                Area = result.GetValue(area),
                Time = result.GetValue(time),
                Sample = (int?)result.GetValue(sample),
                Seed = result.GetValue(seed),
                Fresh = result.GetValue(fresh),
            };
            return Run(options, result.GetValue(least), result.GetValue(json));
        });
        return command;
    }

    /// <summary>The command that <see cref="Build"/>'s starts for itself.</summary>
    public static Command BuildWorker()
    {
        var directory = new Argument<string>("DIRECTORY");
        var command = new Command(WorkerName, "Try mutants for 'warren lab mutate'.") { directory };
        command.Hidden = true;
        command.SetAction(result =>
        {
            // Ctrl-C reaches the whole terminal; the run ends its workers itself.
            using var ignored = PosixSignalRegistration.Create(PosixSignal.SIGINT, static signal => signal.Cancel = true);
            MutationRun.Serve(result.GetValue(directory)!, Console.In, Console.Out);
        });
        return command;
    }

    private static ProcessStartInfo Worker(string directory)
    {
        // Of 'dotnet warren.dll' the first word is ours too.
        var self = Environment.ProcessPath!;
        var start = new ProcessStartInfo(self);
        if (Path.GetFileNameWithoutExtension(self) == "dotnet")
            start.ArgumentList.Add(Environment.GetCommandLineArgs()[0]);
        foreach (var word in (string[])["lab", WorkerName, directory])
            start.ArgumentList.Add(word);
        return start;
    }

    private static int Show(string id)
    {
        Console.Out.Write(MutationRun.Show(id)
            ?? throw new UserErrorException($"There is no mutant {id} here; 'warren lab mutate' lists survivors with their ids"));
        return ExitStatus.Success;
    }

    private static int Run(MutationOptions options, long least, bool json)
    {
        using var progress = new ProgressLine();
        var (summary, interrupted) =
            LabExploration.Run("mutate", cancel => MutationRun.Run(options with { Cancellation = cancel }, progress));
        progress.Dispose();
        if (summary is null)
        {
            Console.Error.WriteLine("warren: interrupted; what was tried is kept, and the same command goes on from there.");
            return ExitStatus.Interrupted;
        }

        if (json)
            Console.Out.WriteLine(MutationReport.Json(summary).ToJsonString(TraceJson.Options));
        else
            Print(summary);
        return interrupted ? ExitStatus.Interrupted : summary.Best * 100 < least ? ExitStatus.Found : ExitStatus.Success;
    }

    private static void Print(MutationSummary summary)
    {
        Console.Out.Write(MutationReport.Survivors(summary));
        var table = new Table().Border(TableBorder.Simple).AddColumn(new TableColumn("file").NoWrap())
            .AddColumn(new TableColumn("killed").RightAligned().NoWrap())
            .AddColumn(new TableColumn("of").RightAligned().NoWrap()).AddColumn(new TableColumn("score").RightAligned().NoWrap());
        foreach (var (file, counted, killed) in MutationReport.Files(summary))
        {
            var score = string.Create(CultureInfo.InvariantCulture, $"{(double)killed / counted:0 %}");
            table.AddRow(Markup.Escape(file), $"{killed}", $"{counted}", score);
        }

        Consoles.Output().Write(table);
        foreach (var sentence in MutationReport.Sentences(summary))
            Console.Out.WriteLine(sentence);
    }
}
