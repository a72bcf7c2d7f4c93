using System.Globalization;
using Warren.Lab;

namespace Warren.Cli.Commands;

/// <summary>How a run ended; the result is null when it was interrupted before anything was known.</summary>
internal sealed record RunOutcome(string Name, ExplorationOptions Options, ExplorationResult? Result, bool Interrupted, bool Replayed)
{
    public bool Found => Result?.Failure?.Verdict is not null;

    public int Status => Found ? ExitStatus.Found : Interrupted ? ExitStatus.Interrupted : ExitStatus.Success;

    /// <summary>One sentence: what was covered and what came of it.</summary>
    public string Sentence
    {
        get
        {
            if (Result is not { } result)
                return "Interrupted before the first schedule had ended.";
            if (Replayed)
                return Found ? "Replayed: it happens again." : "Replayed: nothing wrong in this schedule.";
            var work = string.Create(CultureInfo.InvariantCulture, $"{result.Schedules:#,0} schedule{(result.Schedules == 1 ? "" : "s")} "
                + $"in {Seconds(result.Elapsed)}{Rate(result)}");
            if (Found)
                return $"Found after {work}.";
            var covered = result.Exhausted ? "complete for every bound"
                : result.CompletedBound >= 0 ? $"complete for bound {result.CompletedBound}"
                : "not complete for any bound";
            var more = !Interrupted
                && (Options.Strategy == SearchStrategy.Exhaustive
                    || (Options.Strategy == SearchStrategy.Portfolio && Options.UntilCovered)) && !result.Exhausted
                    && result.CompletedBound < Options.PreemptionBound ? "; give it more with --time" : "";
            var start = Interrupted ? $"Interrupted, {covered}" : char.ToUpperInvariant(covered[0]) + covered[1..];
            return $"{start}: {work}, nothing found{(Interrupted ? " so far" : "")}{more}.";
        }
    }

    private static string Rate(ExplorationResult result) =>
        result.Elapsed.TotalMilliseconds < 10 ? ""
        : string.Create(CultureInfo.InvariantCulture, $" ({result.Schedules / result.Elapsed.TotalSeconds:#,0}/s)");

    internal static string Seconds(TimeSpan time) =>
        time.TotalSeconds < 10 ? string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.00} s")
        : string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:#,0} s");
}
