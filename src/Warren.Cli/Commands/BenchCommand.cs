using System.CommandLine;
using System.Text.Json;
using System.Threading;
using Spectre.Console;
using Warren.Bench;
using Warren.Bench.Harness;
using Warren.Cli.CommandLine;
using Warren.Cli.Terminal;

namespace Warren.Cli.Commands;

/// <summary><c>warren bench NAME [--json]</c> and <c>warren bench --list</c>.</summary>
internal static class BenchCommand
{
    public static Command Build()
    {
        var names = new Argument<string[]>("NAME") { Description = "Benchmarks to run; see --list.", Arity = ArgumentArity.ZeroOrMore };
        var list = Options.Flag("--list", "List the benchmarks and their peers.");
        var json = Options.Flag("--json", "One JSON object a line and case.");
        var repeats = Options.Number("--repeats", "Samples a case, 1 to 1000; medians are reported.", 1, 1000, 5);
        var command = new Command("bench", "Measure, each figure beside a real peer on the same work.") { names, list, json, repeats };
        command.SetAction((result, cancel) =>
        {
            if (result.GetValue(list)) return Task.FromResult(List());
            var chosen = result.GetValue(names) ?? [];
            return Task.FromResult(Run(chosen, (int)result.GetValue(repeats), result.GetValue(json), cancel));
        });
        return command;
    }

    private static int List()
    {
        foreach (var b in Benchmarks.All) Console.Out.WriteLine($"{b.Name,-12} {b.Description}");
        return ExitStatus.Success;
    }

    private static int Run(string[] chosen, int repeats, bool json, CancellationToken cancel)
    {
        var known = Benchmarks.All.Select(b => b.Name).ToArray();
        if (chosen.Length == 0) throw new UserErrorException($"'warren bench' needs a name: one of {Options.Either(known)}");
        if (chosen.Except(known).FirstOrDefault() is { } unknown)
        {
            throw new UserErrorException(
                $"There is no benchmark '{unknown}'; {NearestNames.Hint(unknown, known, $"choose {Options.Either(known)}")}");
        }
        var context = new BenchContext(repeats, line => Console.Error.WriteLine(line), cancel);
        foreach (var benchmark in Benchmarks.All.Where(b => chosen.Contains(b.Name)))
        {
            try
            {
                if (json) PrintJson(benchmark, context);
                else PrintTable(benchmark, context);
            }
            catch (BenchmarkUnavailableException e)
            {
                throw new UserErrorException(e.Message);
            }
        }
        return ExitStatus.Success;
    }

    private static void PrintJson(IBenchmark benchmark, BenchContext context)
    {
        foreach (var result in benchmark.Run(context))
            Console.Out.WriteLine(JsonSerializer.Serialize(result, BenchJson.Default.BenchResult));
    }

    private static void PrintTable(IBenchmark benchmark, BenchContext context)
    {
        var table = new Table().AddColumns("benchmark", "case", "value", "unit", "peer", "peer's value", "ratio");
        foreach (var r in benchmark.Run(context))
            table.AddRow(r.Name, r.Case, $"{r.Value}", r.Unit, r.Peer ?? "-", r.PeerValue?.ToString() ?? "-", r.Ratio?.ToString() ?? "-");
        Consoles.Output().Write(table);
    }
}
