using System.Threading;
using Warren.HostMemory;

namespace Warren.Hypervisor.Tests;

/// <summary>An invalidation that stays between its start and its end for as long as a test wants, inside no callback.</summary>
internal sealed class HeldInvalidation : IDisposable
{
    private readonly ManualResetEventSlim _started = new();
    private readonly ManualResetEventSlim _release = new();
    private readonly Worker _worker;

    /// <summary>Returns once every notifier has had the start.</summary>
    public HeldInvalidation(AddressSpace memory, Hva hva, ulong length)
    {
        // Start and end belong to one thread.
        _worker = new Worker(() =>
        {
            Assert.True(memory.Notifiers.TryStart(new MmuNotifierRange(hva, hva + length, MmuNotifierEvent.Clear), out var invalidation));
            _started.Set();
            _release.Wait();
            memory.Notifiers.End(invalidation);
        });
        _started.Wait();
    }

    public void Dispose()
    {
        _release.Set();
        _worker.Join();
        _started.Dispose();
        _release.Dispose();
    }
}
