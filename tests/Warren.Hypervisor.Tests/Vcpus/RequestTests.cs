using System.Threading;
using Warren.Hypervisor.Tests.Scripted;
using Warren.Hypervisor.Tests.Tdp;
using Warren.Hypervisor.Vcpus;

namespace Warren.Hypervisor.Tests.Vcpus;

/// <summary>Modes, requests, kicks, wake-ups.</summary>
public sealed class RequestTests
{
    /// <summary>Uses, all the time it is in guest mode, the number it picked up at its last flush; says which.</summary>
    private sealed class StaleNumber(Func<long> current) : IVcpuEngine
    {
        private long _cached;
        private long _inUse = long.MaxValue;
        private long _entries;

        public long InUse => Volatile.Read(ref _inUse);
        public long Entries => Volatile.Read(ref _entries);

        public VcpuExit Execute(Vcpu vcpu, ref long budget)
        {
            Volatile.Write(ref _inUse, _cached);
            Volatile.Write(ref _entries, _entries + 1);
            while (!vcpu.RequestPending && budget-- > 0) Thread.SpinWait(5);
            Volatile.Write(ref _inUse, long.MaxValue);
            return new(vcpu.RequestPending ? VcpuExitReason.Interrupted : VcpuExitReason.Budget);
        }

        public void FlushTlb() => _cached = current();
    }

    /// <summary>
    /// The Dekker pattern of request and mode: after a flush has returned, nobody in guest mode uses what was cached before it.
    /// </summary>
    [Fact]
    public void After_a_flush_no_vcpu_in_guest_mode_uses_anything_older()
    {
        using TdpFixture f = new();
        long number = 0;
        var engines = new StaleNumber[3];
        Crew crew = new();
        for (var i = 0; i < engines.Length; i++)
        {
            engines[i] = new StaleNumber(() => Volatile.Read(ref number));
            crew.Run(f.Vm.CreateVcpu(engines[i]), slice: 20 + i);
        }
        var left = 2;
        for (var t = 0; t < 2; t++)
        {
            crew.Add(() =>
            {
                SpinWait.SpinUntil(() => crew.Stopping || Array.TrueForAll(engines, e => e.Entries > 0));
                for (var i = 0; i < 400 && !crew.Stopping; i++)
                {
                    var mine = Interlocked.Increment(ref number);
                    f.Vm.FlushRemoteTlbs();
                    foreach (var engine in engines)
                        Assert.True(engine.InUse >= mine, "a vCPU in guest mode missed a flush that had returned");
                }
                if (Interlocked.Decrement(ref left) == 0) crew.Stop();
            });
        }
        crew.Join();
        Assert.All(engines, e => Assert.True(e.Entries > 0));
    }

    private sealed class FlushingDevice : IMmioDevice
    {
        public VirtualMachine Vm = null!;
        public long Count;
        public string Name => "flusher";

        public ulong Read(ulong offset, int size)
        {
            Interlocked.Increment(ref Count);
            Vm.FlushRemoteTlbs();
            return 1;
        }

        public void Write(ulong offset, int size, ulong value) { }
    }

    /// <summary>vCPUs that flush each other wait outside guest mode, where nobody waits for them.</summary>
    [Fact]
    public void Vcpus_that_flush_each_other_do_not_deadlock()
    {
        using TdpFixture f = new();
        FlushingDevice device = new() { Vm = f.Vm };
        f.Vm.Bus.Register(device, new Gpa(0x1000), 0x1000);
        Crew crew = new();
        for (var i = 0; i < 3; i++)
        {
            var done = 0;
            crew.Run(f.Vm.CreateVcpu(new ScriptedEngine(new GuestScript(cpu =>
            {
                var value = cpu.Load<ulong>(0x1000);
                if (cpu.Stopped) return GuestStep.Continue;
                Assert.Equal(1UL, value);
                return ++done == 400 ? GuestStep.Done : GuestStep.Continue;
            }))));
        }
        crew.Join();
        Assert.True(device.Count >= 1200);
    }

    [Fact]
    public void A_kick_makes_run_return_even_when_it_comes_first()
    {
        using TdpFixture f = new();
        var vcpu = f.Vm.CreateVcpu(new ScriptedEngine(new GuestScript(_ => GuestStep.Continue)));
        vcpu.Kick();
        var budget = long.MaxValue;
        Assert.Equal(VcpuExitReason.Interrupted, vcpu.Run(ref budget).Reason);
        budget = 10;
        Assert.Equal(VcpuExitReason.Budget, vcpu.Run(ref budget).Reason);
        Assert.Equal(0, budget);
    }

    [Fact]
    public void A_running_vcpu_leaves_on_a_kick()
    {
        using TdpFixture f = new();
        var vcpu = f.Vm.CreateVcpu(new ScriptedEngine(new GuestScript(_ => GuestStep.Continue)));
        Crew crew = new();
        var ended = 0;
        crew.Add(() =>
        {
            var budget = long.MaxValue;
            Assert.Equal(VcpuExitReason.Interrupted, vcpu.Run(ref budget).Reason);
            Volatile.Write(ref ended, 1);
        });
        crew.Go(() =>
        {
            SpinWait.SpinUntil(() => vcpu.Mode == VcpuMode.InGuestMode);
            vcpu.Kick();
            SpinWait.SpinUntil(() => Volatile.Read(ref ended) != 0);
        });
    }

    /// <summary>No wake-up is lost and none is doubled, however halting and kicking meet.</summary>
    [Fact]
    public void A_halted_vcpu_is_woken_once_for_each_kick_it_did_not_see()
    {
        using TdpFixture f = new();
        var vcpu = f.Vm.CreateVcpu(new ScriptedEngine(new GuestScript(_ => GuestStep.Halt)));
        SemaphoreSlim woken = new(0);
        vcpu.Wakeup = _ => woken.Release();
        const int Kicks = 1500;
        int handled = 0, sent = 0;
        Crew crew = new();
        crew.Add(() =>
        {
            while (Volatile.Read(ref handled) < Kicks)
            {
                long budget = 100;
                var reason = vcpu.Run(ref budget).Reason;
                if (reason == VcpuExitReason.Interrupted) Interlocked.Increment(ref handled);
                else if (reason == VcpuExitReason.Halted) woken.Wait();
                else Assert.Fail(reason.ToString());
            }
        });
        crew.Add(() =>
        {
            for (; sent < Kicks; sent++)
            {
                vcpu.Kick();
                SpinWait wait = default;
                while (Volatile.Read(ref handled) <= sent) wait.SpinOnce();
            }
        });
        crew.Join();
        Assert.Equal(Kicks, handled);
        Assert.Equal(0, woken.CurrentCount);
    }

    [Fact]
    public void Killing_a_vm_ends_running_halted_and_faulting_vcpus()
    {
        using TdpFixture f = new();
        f.AddMemory(0, 0, 64 * TdpFixture.Page);
        ulong next = 0;
        var running = f.Vm.CreateVcpu(new ScriptedEngine(new GuestScript(cpu =>
        {
            cpu.Store(next++ % 64 * TdpFixture.Page, 1UL);
            return GuestStep.Continue;
        })));
        var halted = f.Vm.CreateVcpu(new ScriptedEngine(new GuestScript(_ => GuestStep.Halt)));
        var woken = 0;
        halted.Wakeup = _ => Interlocked.Increment(ref woken);
        long budget = 100;
        Assert.Equal(VcpuExitReason.Halted, halted.Run(ref budget).Reason);
        Crew crew = new();
        crew.Add(() =>
        {
            var endless = long.MaxValue;
            Assert.Equal(VcpuExitReason.Shutdown, running.Run(ref endless).Reason);
        });
        crew.Go(() =>
        {
            SpinWait.SpinUntil(() => running.Mode == VcpuMode.InGuestMode);
            f.Vm.Kill("the test says so");
            Assert.NotEqual(VcpuMode.InGuestMode, running.Mode);
        });
        Assert.Equal(1, woken);
        Assert.Equal(VcpuExitReason.Shutdown, halted.Run(ref budget).Reason);
        Assert.Equal("the test says so", f.Vm.ErrorReason);
        running.Kick();
    }

    [Fact]
    public void Two_threads_cannot_run_one_vcpu()
    {
        using TdpFixture f = new();
        var vcpu = f.Vm.CreateVcpu(new ScriptedEngine(new GuestScript(_ => GuestStep.Continue)));
        Crew crew = new();
        crew.Add(() =>
        {
            var endless = long.MaxValue;
            vcpu.Run(ref endless);
        });
        crew.Go(() =>
        {
            SpinWait.SpinUntil(() => vcpu.Mode == VcpuMode.InGuestMode);
            long budget = 1;
            Assert.Throws<InvalidOperationException>(() => vcpu.Run(ref budget));
            vcpu.Kick();
        });
    }

    [Fact]
    public void An_engine_that_throws_leaves_guest_mode()
    {
        using TdpFixture f = new();
        var vcpu = f.Vm.CreateVcpu(new ScriptedEngine(new GuestScript(_ => throw new NotSupportedException())));
        long budget = 1;
        Assert.Throws<NotSupportedException>(() => vcpu.Run(ref budget));
        Assert.Equal(VcpuMode.OutsideGuestMode, vcpu.Mode);
        f.Vm.FlushRemoteTlbs();
    }
}
