using System.Diagnostics;
using System.Threading;

namespace Warren.Lab;

/// <summary>One thread's work: the same again and again, counted.</summary>
/// <param name="round">What it does; says how much it did.</param>
/// <param name="pause">Gives its CPU away after each round: it is there to disturb, not to saturate.</param>
internal sealed class MeasureLoop(Func<int> round, bool pause = false)
{
    public bool KeepsLatencies { get; init; }

    /// <summary>Rounds done before the end was called.</summary>
    public long Done { get; private set; }

    /// <summary>In ticks of <see cref="Stopwatch"/>.</summary>
    public List<long> Latencies { get; } = [];

    public Exception? Failure { get; private set; }

    public void Run(MeasureWorld world)
    {
        try
        {
            while (!world.Stop)
            {
                var start = KeepsLatencies ? Stopwatch.GetTimestamp() : 0;
                var done = round();
                if (KeepsLatencies)
                    Latencies.Add(Stopwatch.GetTimestamp() - start);
                if (world.Stop)
                    break;
                Done += done;
                if (pause)
                    Thread.Yield();
            }
        }
        catch (Exception e)
        {
            Failure = e;
            world.Stop = true;
        }
    }
}
