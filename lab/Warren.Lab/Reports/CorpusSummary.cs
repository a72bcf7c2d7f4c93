using System.Globalization;

namespace Warren.Lab.Reports;

/// <summary>How a run of the corpus came out.</summary>
/// <param name="Results">Of the variants that were run, in the order of the catalogue.</param>
/// <param name="Controls">Of their scenarios on the code as it is.</param>
/// <param name="Asked">Variants that were to be run.</param>
/// <param name="Interrupted">Before all was done.</param>
/// <param name="Elapsed">Wall time of the whole.</param>
public sealed record CorpusSummary(IReadOnlyList<CorpusResult> Results, IReadOnlyList<ExplorationResult> Controls, int Asked,
    bool Interrupted, TimeSpan Elapsed)
{
    private const int GoodPreemptions = 3;

    /// <summary>Scenarios in which something was found where nothing is broken.</summary>
    public IReadOnlyList<ExplorationResult> Alarms => [.. Controls.Where(c => c.Failure?.Verdict is not null)];

    /// <summary>All that was run was found, with no false alarm.</summary>
    public bool IsClean => Results.All(r => r.Problem is null) && Alarms.Count == 0;

    /// <summary>Schedules needed, of those found; 0 when none was.</summary>
    public long MedianSchedules
    {
        get
        {
            long[] needed = [.. Results.Where(r => r.Found).Select(r => r.Schedules).Order()];
            return needed.Length == 0 ? 0 : needed[needed.Length / 2];
        }
    }

    /// <summary>The totals in words.</summary>
    public IEnumerable<string> Sentences
    {
        get
        {
            var found = Results.Where(r => r.Found).ToList();
            yield return string.Create(CultureInfo.InvariantCulture,
                $"{found.Count} of {(Interrupted ? Results.Count : Asked)} found"
                    + $"{(Interrupted ? $" when interrupted, {Asked - Results.Count} not run" : "")}; {Elapsed.TotalSeconds:0.0} s.");
            if (found.Count > 0)
            {
                var few = found.Count(r => r.Preemptions <= GoodPreemptions);
                yield return string.Create(CultureInfo.InvariantCulture,
                    $"Schedules needed: median {MedianSchedules:#,0}, at most {found.Max(r => r.Schedules):#,0}. At most "
                        + $"{GoodPreemptions} preemptions in {100 * few / found.Count} % of the minimised traces.");
            }

            if (Controls.Count > 0)
            {
                var alarms = Alarms.Count == 0 ? "no false alarm" : TextReport.Count(Alarms.Count, "false alarm");
                yield return string.Create(CultureInfo.InvariantCulture,
                    $"The code as it is: {TextReport.Count(Controls.Count, "scenario")}, {Controls.Sum(c => c.Schedules):#,0} schedules, "
                        + $"{alarms}.");
            }
        }
    }
}
