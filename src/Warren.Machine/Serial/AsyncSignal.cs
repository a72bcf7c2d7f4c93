using System.Diagnostics.CodeAnalysis;
using System.Threading;

namespace Warren.Machines.Serial;

/// <summary>
/// Lets one asynchronous waiter sleep until a condition, kept elsewhere, may have changed. The waiter arms, checks its condition
/// again, then waits; whoever changes the condition calls <see cref="Set"/> afterwards, which costs a fence when nobody waits.
/// </summary>
[SuppressMessage("Reliability", "CA1001", Justification = "A semaphore without a wait handle owns nothing.")]
internal sealed class AsyncSignal
{
    private readonly SemaphoreSlim _released = new(0);
    private int _armed;

    public bool IsArmed => Volatile.Read(ref _armed) != 0;

    public void Arm() => Interlocked.Exchange(ref _armed, 1);

    /// <summary>Ends an armed period without waiting.</summary>
    public void Disarm()
    {
        // Already taken by a Set: its release is there or about to be, and must not wake the next waiter.
        if (Interlocked.Exchange(ref _armed, 0) == 0)
            _released.Wait();
    }

    /// <summary>Waits for a <see cref="Set"/> after <see cref="Arm"/>.</summary>
    public async ValueTask WaitAsync(CancellationToken cancellation)
    {
        try
        {
            await _released.WaitAsync(cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            Disarm();
            throw;
        }
    }

    public void Set()
    {
        // The condition's store must be visible before the waiter's armed flag is read: the waiter does the same the other way round.
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _armed) != 0 && Interlocked.Exchange(ref _armed, 0) != 0)
            _released.Release();
    }
}
