using System.Diagnostics;
using System.Threading;

namespace Warren.Lab.Mutation;

/// <summary>A task for <see cref="MutationRun"/>.</summary>
public sealed record MutationOptions
{
    /// <summary>Where builds and results are kept.</summary>
    public required string Directory { get; init; }

    /// <summary>
    /// Makes a process that calls <see cref="MutationRun.Serve"/> for the directory it is given; null: mutants are tried in this process,
    /// which one of them may end.
    /// </summary>
    public Func<string, ProcessStartInfo>? Worker { get; init; }

    /// <summary>Mutants tried at a time; 1 in this process.</summary>
    public int Workers { get; init; } = 1;

    /// <summary>A file or directory of the repository to which to keep; null: all.</summary>
    public string? Area { get; init; }

    /// <summary>How many to try, drawn from every file in proportion; null: all.</summary>
    public int? Sample { get; init; }

    /// <summary>Of the drawing: the same seed draws the same, for as long as the mutants are the same.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>After this long no further mutant is tried.</summary>
    public TimeSpan? Time { get; init; }

    /// <summary>Try again what has a result already.</summary>
    public bool Fresh { get; init; }

    /// <summary>To play; null: all core scenarios, and all generated ones.</summary>
    public IReadOnlyList<string>? Scenarios { get; init; }

    /// <summary>True for a file that is to be mutated at all.</summary>
    internal Func<string, bool> Scope { get; init; } = MutationFiles.IsInScope;

    /// <summary>True for a mutant that is to be tried.</summary>
    internal Func<Mutant, bool> Filter { get; init; } = static _ => true;

    public CancellationToken Cancellation { get; init; }
}
