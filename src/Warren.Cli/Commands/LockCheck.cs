using System.Globalization;
using Warren.Locking;
using Warren.Machines;

namespace Warren.Cli.Commands;

/// <summary><c>warren run --lock-check</c>: a guest run under the lock validator, whose findings follow on standard error.</summary>
internal static class LockCheck
{
    /// <summary>Runs what is given under a validator. The switch <c>Warren.Check</c> is on (<see cref="CheckSwitches"/>).</summary>
    /// <returns>The status of the run, or <see cref="ExitStatus.LockViolation"/>.</returns>
    public static async Task<int> RunAsync(Func<Task<int>> run)
    {
        LockClasses.Declare();
        var validator = LockValidator.Install();
        var status = await run().ConfigureAwait(false);
        var graph = validator.Graph;
        foreach (var report in graph.Reports)
            await Console.Error.WriteLineAsync(report.Text).ConfigureAwait(false);
        var found = graph.Reports.Count switch
        {
            0 => "no violations",
            1 => "1 violation",
            var n => string.Create(CultureInfo.InvariantCulture, $"{n} violations"),
        };
        await Console.Error.WriteLineAsync(string.Create(CultureInfo.InvariantCulture,
            $"lock check: {graph.Classes.Count} classes, {graph.Edges.Count} edges, {graph.ChainCount} chains, {found}"))
                .ConfigureAwait(false);
        return graph.Reports.Count == 0 ? status : ExitStatus.LockViolation;
    }
}
