using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Warren.Lab.Mutation;

namespace Warren.Lab.Reports;

/// <summary>A run over mutants as text, and as JSON.</summary>
public static class MutationReport
{
    /// <summary>Killers named for a member at most.</summary>
    private const int KillersNamed = 3;

    /// <summary>Those that were not killed, by member, with what killed their neighbours.</summary>
    public static string Survivors(MutationSummary summary)
    {
        ArgumentNullException.ThrowIfNull(summary);
        var text = new StringBuilder();
        foreach (var member in summary.Mutants.GroupBy(m => (m.File, m.Member)))
        {
            var open = member.Where(m => m.Counts && !m.IsKilled).ToList();
            if (open.Count == 0)
                continue;
            var counted = member.Count(m => m.Counts);
            text.Append(CultureInfo.InvariantCulture,
                $"{member.Key.File}: {member.Key.Member}: {counted - open.Count} of {counted} killed{Killers(member)}\n");
            foreach (var m in open)
                text.Append(CultureInfo.InvariantCulture, $"  {m.Id}  {Words(m.Result!.Outcome)}  {Change(m)}\n");
        }

        return text.ToString();
    }

    /// <summary>The score and what it is made of.</summary>
    public static IEnumerable<string> Sentences(MutationSummary summary)
    {
        ArgumentNullException.ThrowIfNull(summary);
        var (low, high) = summary.Interval;
        var interval = low < high
            ? string.Create(CultureInfo.InvariantCulture, $" (of all {summary.Population}: {low:0.0 %} to {high:0.0 %}, 19 times of 20)")
            : "";
        yield return string.Create(CultureInfo.InvariantCulture,
            $"{summary.Killed} of {summary.Counted} mutants killed{(summary.Open > 0 ? " so far" : "")}: {summary.Score:0.0 %}{interval}.");
        var others = Enum.GetValues<MutantOutcome>().Where(o => o != MutantOutcome.Killed && summary.Count(o) > 0)
            .Select(o => $"{summary.Count(o)} {Words(o)}");
        yield return $"Of the others {string.Join(", ", others.DefaultIfEmpty("none"))}; {summary.Equivalent} declared equivalent.";
        if (summary.Open > 0)
            yield return $"{summary.Open} not tried yet; the same command goes on from here.";
    }

    public static JsonObject Json(MutationSummary summary)
    {
        ArgumentNullException.ThrowIfNull(summary);
        var (low, high) = summary.Interval;
        return new()
        {
            ["population"] = summary.Population,
            ["asked"] = summary.Mutants.Count,
            ["counted"] = summary.Counted,
            ["killed"] = summary.Killed,
            ["open"] = summary.Open,
            ["score"] = Math.Round(summary.Score, 4),
            ["low"] = Math.Round(low, 4),
            ["high"] = Math.Round(high, 4),
            ["equivalent"] = summary.Equivalent,
            ["interrupted"] = summary.Interrupted,
            ["seconds"] = Math.Round(summary.Elapsed.TotalSeconds, 3),
            ["files"] = new JsonArray([.. Files(summary)
                .Select(f => (JsonNode)new JsonObject { ["file"] = f.File, ["counted"] = f.Counted, ["killed"] = f.Killed })]),
            ["mutants"] = new JsonArray([.. summary.Mutants.Select(m => (JsonNode)new JsonObject
            {
                ["id"] = m.Id,
                ["file"] = m.File,
                ["line"] = m.Line,
                ["member"] = m.Member,
                ["operator"] = m.Operator,
                ["before"] = m.Before,
                ["after"] = m.After,
                ["equivalent"] = m.Equivalent,
                ["outcome"] = m.Result?.Outcome.ToString(),
                ["scenario"] = m.Result?.Scenario,
                ["verdict"] = m.Result?.Verdict?.ToString(),
                ["sentence"] = m.Result?.Sentence,
                ["schedules"] = m.Result?.Schedules,
                ["seconds"] = m.Result?.Seconds,
            })]),
        };
    }

    /// <summary>Counted and killed, by file.</summary>
    public static IEnumerable<(string File, int Counted, int Killed)> Files(MutationSummary summary)
    {
        ArgumentNullException.ThrowIfNull(summary);
        return summary.Mutants.GroupBy(m => m.File).Select(f => (f.Key, f.Count(m => m.Counts), f.Count(m => m.Counts && m.IsKilled)))
            .Where(f => f.Item2 > 0);
    }

    public static string Words(MutantOutcome outcome) => outcome switch
    {
        MutantOutcome.Killed => "killed",
        MutantOutcome.Survived => "survived",
        MutantOutcome.NotReached => "not reached",
        MutantOutcome.TimedOut => "timed out",
        MutantOutcome.Faulted => "at fault",
        _ => "crashed",
    };

    private static string Killers(IEnumerable<MutantReport> member)
    {
        var killers = member.Where(m => m.Counts && m.IsKilled).GroupBy(m => m.Result!.Scenario).OrderByDescending(k => k.Count())
            .Take(KillersNamed).Select(k => $"{k.Key} ({k.Count()})").ToList();
        return killers.Count == 0 ? "" : $", by {string.Join(", ", killers)}";
    }

    private static string Change(MutantReport mutant) =>
        $"line {mutant.Line.ToString(CultureInfo.InvariantCulture)}, {mutant.Operator}: {Short(mutant.Before)} → {Short(mutant.After)}";

    private static string Short(string text) => text.Length switch
    {
        0 => "(nothing)",
        > 80 => $"{text[..79]}…",
        _ => text,
    };
}
