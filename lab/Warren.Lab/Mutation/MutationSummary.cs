namespace Warren.Lab.Mutation;

/// <summary>A mutant and what is known of it.</summary>
/// <param name="Result">Null: not tried.</param>
/// <param name="Equivalent">Why nobody can see it, where that has been written down; it counts for nothing then.</param>
public sealed record MutantReport(string Id, string File, int Line, string Member, string Operator, string Before, string After,
    MutantResult? Result, string? Equivalent)
{
    /// <summary>It has a result, and the result bears on the score.</summary>
    public bool Counts => Equivalent is null && Result is not null;

    public bool IsKilled => Result?.Outcome == MutantOutcome.Killed;
}

/// <summary>How a run came out.</summary>
/// <param name="Mutants">Those asked for, in the order of the sources.</param>
/// <param name="Population">All there are in the area.</param>
/// <param name="Interrupted">Ended by its cancellation or its time before all had been tried.</param>
/// <param name="Elapsed">Wall time.</param>
public sealed record MutationSummary(IReadOnlyList<MutantReport> Mutants, int Population, bool Interrupted, TimeSpan Elapsed)
{
    /// <summary>For an interval that holds the true value 19 times of 20.</summary>
    private const double Z = 1.959964;

    public int Counted => Mutants.Count(m => m.Counts);

    public int Killed => Mutants.Count(m => m.Counts && m.IsKilled);

    public int Equivalent => Mutants.Count(m => m.Equivalent is not null);

    public int Count(MutantOutcome outcome) => Mutants.Count(m => m.Counts && m.Result!.Outcome == outcome);

    /// <summary>Killed of those that count, 0 to 1; 0 when none does.</summary>
    public double Score => Counted == 0 ? 0 : (double)Killed / Counted;

    /// <summary>Asked for, and without a result yet.</summary>
    public int Open => Mutants.Count(m => m.Result is null && m.Equivalent is null);

    /// <summary>The score if all that are open were killed.</summary>
    public double Best => Counted + Open == 0 ? 0 : (double)(Killed + Open) / (Counted + Open);

    /// <summary>
    /// Where the score of all in the area lies, judged by those that were asked for (Wilson's interval, with the correction for a finite
    /// population); the score itself where all were tried. Those that are open are no random part: they count as survivors at its lower
    /// end, as killed at its upper.
    /// </summary>
    public (double Low, double High) Interval =>
        (IntervalOf(Killed, Counted + Open, Population - Equivalent).Low,
            IntervalOf(Killed + Open, Counted + Open, Population - Equivalent).High);

    /// <param name="population">Of which <paramref name="tried"/> were drawn.</param>
    internal static (double Low, double High) IntervalOf(int killed, int tried, int population)
    {
        if (tried == 0)
            return (0, 1);
        var p = (double)killed / tried;
        var unknown = population > 1 ? Math.Max(0, (double)(population - tried) / (population - 1)) : 0;
        if (unknown == 0)
            return (p, p);
        var n = tried / unknown;
        var centre = (p + (Z * Z / (2 * n))) / (1 + (Z * Z / n));
        var half = Z / (1 + (Z * Z / n)) * Math.Sqrt((p * (1 - p) / n) + (Z * Z / (4 * n * n)));
        return (Math.Max(0, centre - half), Math.Min(1, centre + half));
    }
}
