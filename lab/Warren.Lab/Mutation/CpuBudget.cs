using System.Threading;

namespace Warren.Lab.Mutation;

/// <summary>
/// Cancels work that takes more than so much CPU time of this process: on a starved machine the clock on the wall condemns the innocent.
/// </summary>
internal sealed class CpuBudget : IDisposable
{
    private const int LookEveryMilliseconds = 100;

    private readonly CancellationTokenSource _spent;
    private readonly TimeSpan _until;
    private readonly Timer _timer;

    /// <param name="outer">Cancels as well.</param>
    internal CpuBudget(TimeSpan limit, CancellationToken outer)
    {
        _spent = CancellationTokenSource.CreateLinkedTokenSource(outer);
        _until = Environment.CpuUsage.TotalTime + limit;
        _timer = new Timer(_ => Look(), null, LookEveryMilliseconds, LookEveryMilliseconds);
    }

    internal CancellationToken Token => _spent.Token;

    internal bool IsSpent { get; private set; }

    public void Dispose()
    {
        using (var ended = new ManualResetEvent(false))
        {
            if (_timer.Dispose(ended))
                ended.WaitOne();
        }

        _spent.Dispose();
    }

    private void Look()
    {
        if (IsSpent || Environment.CpuUsage.TotalTime < _until)
            return;
        IsSpent = true;
        _spent.Cancel();
    }
}
