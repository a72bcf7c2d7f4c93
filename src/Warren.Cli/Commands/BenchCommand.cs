using System.CommandLine;
using System.Text.Json;
using System.Threading;
using Spectre.Console;
using Warren.Bench;
using Warren.Bench.Harness;
using Warren.Cli.Terminal;

namespace Warren.Cli.Commands;

/// <summary><c>warren bench NAME [--json]</c> and <c>warren bench --list</c>.</summary>
internal static class BenchCommand
{
    public static Command Build()
    {
        var names = new Argument<string[]>("NAME") { Description = "Benchmarks to run; see --list.", Arity = ArgumentArity.ZeroOrMore };
        var list = new Option<bool>("--list") { Description = "List the benchmarks and their peers." };
        var json = new Option<bool>("--json") { Description = "One JSON object a line and case." };
        var repeats = new Option<int>("--repeats") { Description = "Samples a case; medians are reported.", DefaultValueFactory = _ => 5 };
        repeats.Validators.Add(r =>
        {
            if (r.Tokens.Count == 1 && (!int.TryParse(r.Tokens[0].Value, out var n) || n is < 1 or > 1000))
                r.AddError("--repeats takes a number from 1 to 1000.");
        });
        var command = new Command("bench", "Measure, each figure beside a real peer on the same work.") { names, list, json, repeats };
        command.SetAction((result, cancel) =>
        {
            if (result.GetValue(list)) return Task.FromResult(List());
            var chosen = result.GetValue(names) ?? [];
            return Task.FromResult(Run(chosen, result.GetValue(repeats), result.GetValue(json), cancel));
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
        if (chosen.Length == 0) throw new UserErrorException($"'warren bench' needs a name: one of {string.Join(", ", known)}.");
        if (chosen.Except(known).FirstOrDefault() is { } unknown)
            throw new UserErrorException($"There is no benchmark '{unknown}'; choose from {string.Join(", ", known)}.");
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
        foreach (var result in benchmark.Run(context)) Console.Out.WriteLine(JsonSerializer.Serialize(result, BenchJson.Default.BenchResult));
    }

    private static void PrintTable(IBenchmark benchmark, BenchContext context)
    {
        var table = new Table().AddColumns("benchmark", "case", "value", "unit", "peer", "peer's value", "ratio");
        foreach (var r in benchmark.Run(context))
            table.AddRow(r.Name, r.Case, $"{r.Value}", r.Unit, r.Peer ?? "-", r.PeerValue?.ToString() ?? "-", r.Ratio?.ToString() ?? "-");
        Consoles.Output().Write(table);
    }
}
