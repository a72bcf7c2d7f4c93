using Warren.Lab;
using Warren.Locking;

namespace Warren.Cli.Tests;

/// <summary>Scenarios that users write by mistake, loaded from this assembly by <c>warren lab run --assembly</c>.</summary>
public static class FaultyScenarios
{
    private static int s_survives;

    /// <summary>Names a file that the scenario "endless" makes when it begins.</summary>
    public const string BeginsVariable = "WARREN_TEST_BEGINS";

    public static IEnumerable<Scenario> All { get; } =
    [
        new DelegateScenario("endless", "Many schedules, none wrong.", s =>
        {
            if (Environment.GetEnvironmentVariable(BeginsVariable) is { } file)
                File.Create(file).Dispose();
            var cell = new Cell();
            for (var t = 0; t < 3; t++)
            {
                s.Thread($"adder{t}", () =>
                {
                    for (var i = 0; i < 8; i++)
                        Atomics.Increment(ref cell.Value, cell);
                });
            }
        }),
        new DelegateScenario("throws-in-build", "It cannot even be built.",
            _ => throw new InvalidOperationException("Build has no time for this.")),
        new DelegateScenario("differs-each-time", "Statics survive a schedule.", s =>
        {
            var cell = new Cell();
            var more = s_survives++ % 3;
            s.Thread("a", () =>
            {
                for (var i = 0; i <= more; i++)
                    Atomics.Increment(ref cell.Value, cell);
            });
            s.Thread("b", () => Atomics.Increment(ref cell.Value, cell));
            s.AtEnd("small", () => cell.Value > 3 ? "too many" : null);
        }),
        new DelegateScenario("unhooked-loop", "Waits on a field that the explorer cannot see.", s =>
        {
            var cell = new Cell();
            s.Thread("waiter", () =>
            {
                Atomics.Increment(ref cell.Steps, cell);
                while (System.Threading.Volatile.Read(ref cell.Value) == 0)
                {
                }
            });
            s.Thread("setter", () =>
            {
                Atomics.Increment(ref cell.Steps, cell);
                System.Threading.Volatile.Write(ref cell.Value, 1);
            });
        }),
    ];

    private sealed class Cell
    {
        public int Steps;
        public int Value;
    }
}
