using System.Threading;

namespace Warren.Bench.Harness;

/// <summary>A named measurement with a stated peer. Cases are yielded as they finish, so that a long run shows progress.</summary>
public interface IBenchmark
{
    /// <summary>Name on the command line.</summary>
    string Name { get; }

    /// <summary>One line: what is measured, and against what.</summary>
    string Description { get; }

    /// <summary>Runs every case.</summary>
    /// <exception cref="BenchmarkUnavailableException">The host lacks something the benchmark cannot do without.</exception>
    IEnumerable<BenchResult> Run(BenchContext context);
}

/// <summary>The bounds of a run, and the place where it says what it is doing.</summary>
/// <param name="Repeats">Samples a case; medians of these are reported.</param>
/// <param name="Progress">Receives one short line before each case.</param>
/// <param name="Cancellation">Ends the run between samples.</param>
public sealed record BenchContext(int Repeats, Action<string> Progress, CancellationToken Cancellation);

/// <summary>A benchmark cannot run here; the message names what is missing and how to get it.</summary>
public sealed class BenchmarkUnavailableException(string message) : WarrenException(message);
