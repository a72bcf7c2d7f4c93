using System.Text.Json.Serialization;
using System.Threading;

namespace Warren.Lab.Fuzz;

/// <summary>A task for <see cref="Fuzzer"/>; the first limit reached ends it.</summary>
public sealed record FuzzOptions
{
    public TimeSpan? Time { get; init; }

    public long MaxPrograms { get; init; } = long.MaxValue;

    /// <summary>The same seed gives the same programs and schedules.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Programs to begin with, as <see cref="FuzzProgram.Parse"/> reads them.</summary>
    public IReadOnlyList<string> Corpus { get; init; } = [];

    /// <summary>How many of those kept are told at the end: the ones that together reach most.</summary>
    public int Best { get; init; }

    /// <summary>The gate of VMs that leave it open; null: the production default.</summary>
    public string? Gate { get; init; }

    /// <summary>Have the lock validator watch too.</summary>
    public bool LockOrder { get; init; } = true;

    [JsonIgnore]
    public CancellationToken Cancellation { get; init; }
}

/// <summary>How a run went.</summary>
/// <param name="Programs">Explored.</param>
/// <param name="Schedules">Executed, without those that made a failure small.</param>
/// <param name="Steps">Executed in them.</param>
/// <param name="Sites">Kinds of steps reached.</param>
/// <param name="Pairs">Pairs of conflicting ones.</param>
/// <param name="Kept">Programs that reached something first, in their order; with <see cref="FuzzOptions.Best"/> those.</param>
/// <param name="Failure">What broke, or null.</param>
/// <param name="Elapsed">Wall time, without what it took to make a failure small.</param>
public sealed record FuzzResult(long Programs, long Schedules, long Steps, int Sites, int Pairs, IReadOnlyList<string> Kept,
    FuzzFailure? Failure, TimeSpan Elapsed);

/// <summary>A program that breaks something.</summary>
/// <param name="Found">As it was drawn.</param>
/// <param name="Program">Made small.</param>
/// <param name="Trace">Of its smallest schedule that fails.</param>
public sealed record FuzzFailure(string Found, string Program, Trace Trace);
