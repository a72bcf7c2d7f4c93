using System.Threading;
using Warren.Hypervisor.Vcpus;

namespace Warren.Hypervisor.Tests.Scripted;

/// <summary>Threads of one test: all start together, the first failure stops all, and it is what the test reports.</summary>
internal sealed class Crew
{
    /// <summary>Not a measure of anything: a test that hangs fails instead of hanging its run.</summary>
    private static readonly TimeSpan HangGuard = TimeSpan.FromSeconds(120);

    private readonly List<Thread> _threads = [];
    private readonly object _gate = new();
    private bool _open;
    private Exception? _failure;
    private int _stop;

    public bool Stopping => Volatile.Read(ref _stop) != 0;

    public void Stop() => Volatile.Write(ref _stop, 1);

    public void Add(Action body)
    {
        Thread thread = new(() =>
        {
            lock (_gate)
            {
                while (!_open) Monitor.Wait(_gate);
            }
            try
            {
                body();
            }
            catch (Exception e)
            {
                Interlocked.CompareExchange(ref _failure, e, null);
                Stop();
            }
        })
        { IsBackground = true };
        _threads.Add(thread);
        thread.Start();
    }

    /// <summary>A thread that runs the vCPU until the crew stops or its program says Done.</summary>
    public void Run(Vcpu vcpu, long slice = 200) => Add(() =>
    {
        while (!Stopping)
        {
            var budget = slice;
            var exit = vcpu.Run(ref budget);
            if (exit.Reason is VcpuExitReason.EnvironmentCall) return;
            Assert.True(exit.Reason is VcpuExitReason.Budget or VcpuExitReason.Interrupted,
                $"vCPU {vcpu.Id}: {exit.Reason}, {vcpu.VirtualMachine.ErrorReason}");
        }
    });

    /// <summary>Lets everybody go and waits for <paramref name="main"/>, then stops and joins the others.</summary>
    public void Go(Action main)
    {
        Open();
        try
        {
            main();
        }
        catch (Exception e)
        {
            Interlocked.CompareExchange(ref _failure, e, null);
        }
        Stop();
        Join();
    }

    /// <summary>Within <see cref="Go"/>: waits for what the others bring about. It must come about however they take turns.</summary>
    public void Await(Func<bool> condition, string what) =>
        Assert.True(SpinWait.SpinUntil(() => Stopping || condition(), HangGuard), $"waited in vain for {what}");

    /// <summary>Lets everybody go; they end by themselves.</summary>
    public void Join()
    {
        Open();
        foreach (var thread in _threads) Assert.True(thread.Join(HangGuard), "a thread hangs");
        if (_failure is not null) throw new InvalidOperationException($"a thread failed: {_failure}", _failure);
    }

    private void Open()
    {
        lock (_gate)
        {
            _open = true;
            Monitor.PulseAll(_gate);
        }
    }
}
