using System.Threading;
using Warren.Cli.Terminal;
using Warren.Lab;

namespace Warren.Cli.Commands;

/// <summary>
/// Long work of the lab under Ctrl-C: on a thread of its own, so that an answer comes even when a scenario never returns.
/// </summary>
internal static class LabExploration
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    /// <summary>
    /// Explores with progress on stderr. After Ctrl-C the result is what was explored so far, null when that is not even one report.
    /// </summary>
    /// <param name="target">What is explored.</param>
    /// <param name="options">How; the cancellation is ours.</param>
    /// <param name="label">What progress is of; the target's name when null.</param>
    public static (ExplorationResult? Result, bool Interrupted) Explore(LabTarget target, ExplorationOptions options, string? label = null)
    {
        using var progress = new LabProgress(label ?? target.Name);
        var (result, interrupted) = Run(target.Name, cancel => target.Explore(options with { Cancellation = cancel }, progress));
        return (result ?? progress.Last, interrupted);
    }

    /// <exception cref="UserErrorException">The work threw what its scenario is to blame for.</exception>
    public static (T? Result, bool Interrupted) Run<T>(string name, Func<CancellationToken, T> work)
        where T : class
    {
        using var cancel = new CancellationTokenSource();
        var done = new TaskCompletionSource<T?>(TaskCreationOptions.RunContinuationsAsynchronously);
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var signals = new HostSignals(_ => Stop(), Stop);
        var thread = new Thread(() =>
        {
            try
            {
                done.SetResult(work(cancel.Token));
            }
            catch (OperationCanceledException)
            {
                done.SetResult(null);
            }
            catch (Exception e)
            {
                done.SetException(e);
            }
        })
        {
            IsBackground = true,
            Name = "explore",
        };
        thread.Start();
        Task.WaitAny(done.Task, stopped.Task);
        if (stopped.Task.IsCompleted)
            Task.WaitAny([done.Task], Patience);
        if (!done.Task.IsCompleted)
            return (null, true);
        try
        {
            return (done.Task.GetAwaiter().GetResult(), stopped.Task.IsCompleted);
        }
        catch (Exception e) when (e is FormatException or VariantException)
        {
            throw new UserErrorException(e.Message.Split('\n')[0]);
        }
        catch (Exception e) when (e is not UserErrorException)
        {
            throw new UserErrorException($"'{name}' cannot be explored: {e.GetType().Name}: {e.Message.Split('\n')[0].TrimEnd('.', '\r')}");
        }

        void Stop()
        {
            cancel.Cancel();
            stopped.TrySetResult();
        }
    }
}
