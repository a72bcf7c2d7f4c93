using System.Threading;

namespace Warren.Hypervisor.Tests;

/// <summary>A thread of a test; what it throws comes out of <see cref="Join"/>.</summary>
internal sealed class Worker
{
    private readonly Thread _thread;
    private Exception? _failure;

    public Worker(Action action)
    {
        _thread = new Thread(() =>
        {
            try
            {
                action();
            }
            catch (Exception e)
            {
                _failure = e;
            }
        })
        { IsBackground = true };
        _thread.Start();
    }

    /// <summary>False when it still runs after the time: the way to show that something waits.</summary>
    public bool EndsWithin(int milliseconds) => _thread.Join(milliseconds);

    public void Join()
    {
        Assert.True(_thread.Join(TimeSpan.FromSeconds(60)), "A thread of the test hangs.");
        if (_failure is not null) throw new InvalidOperationException("A thread of the test failed.", _failure);
    }
}
