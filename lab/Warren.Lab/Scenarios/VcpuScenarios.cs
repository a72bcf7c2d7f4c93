using Warren.HostMemory;
using Warren.Hypervisor.Vcpus;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>Modes, requests, code marks and zaps of everything.</summary>
internal static class VcpuScenarios
{
    private const ulong Gfn = 0x10;

    public static IEnumerable<Scenario> All =>
    [
        new DelegateScenario("flush-vs-entry", "A remote TLB flush meets a vCPU that enters guest mode with a filled TLB.", s =>
        {
            var (world, vm, _) = OnePage(s);
            var cpu = vm.Vcpus[0];
            cpu.Load(Gfn);
            var watch = new AccessAfterFlush(world, cpu);
            s.Monitor(watch);
            world.Thread("vcpu", () => cpu.Load(Gfn));
            world.Thread("flush", () =>
            {
                vm.Vm.FlushRemoteTlbs();
                watch.Flushed();
            });
        },
        """
        The vCPU stores its mode, then reads its requests; who flushes sets the request, then reads the mode; a full barrier stands in the
        middle of each (Dekker). One of them sees the other: either the vCPU drops its TLB before it executes anything, or the flush waits
        until it has left.
        """),
        new DelegateScenario("two-flushes", "Two threads flush one vCPU that keeps entering.", s =>
        {
            var (world, vm, _) = OnePage(s);
            var cpu = vm.Vcpus[0];
            cpu.Load(Gfn);
            world.Thread("vcpu", () =>
            {
                cpu.Load(Gfn);
                cpu.Load(Gfn);
            });
            world.Thread("flush0", vm.Vm.FlushRemoteTlbs);
            world.Thread("flush1", vm.Vm.FlushRemoteTlbs);
        },
        "Each waits for the section of guest mode it found, not for the next: a vCPU that comes back at once must not hold them up, nor "
            + "one's wake-up be taken by the other."),
        new DelegateScenario("request-vs-halt", "A kick meets a vCPU that halts.", s =>
        {
            var (world, vm, _) = OnePage(s);
            var vcpu = vm.Vm.CreateVcpu(new ScriptedEngine(new GuestScript(static _ => GuestStep.Halt)));
            var wakeups = new Cell();
            vcpu.Wakeup = _ => wakeups.Add(1);
            world.Thread("vcpu", () =>
            {
                // As a pool of workers does: a halted vCPU is left alone until its Wakeup was called.
                for (var spin = default(SpinState); ;)
                {
                    var budget = 10L;
                    if (vcpu.Run(ref budget).Reason == VcpuExitReason.Interrupted)
                        return;
                    while (wakeups.Value == 0)
                        Cpu.Relax(ref spin);
                }
            });
            world.Thread("kick", vcpu.Kick);
        },
        """
        A vCPU that halts declares itself blocked, then looks for requests; who kicks sets the request, then looks whether it is blocked,
        and wakes it. If both looked first, the vCPU would sleep with a request pending for ever: the explorer sees a loop that nobody can
        end.
        """),
        new DelegateScenario("code-marks-vs-store", "One vCPU executes a page that another writes.", s =>
        {
            var (world, vm, _) = OnePage(s, vcpus: 2);
            vm.Vcpus[0].Store(Gfn, 1);
            vm.Vcpus[1].Fetch(Gfn);
            var stored = new Cell();
            world.Thread("execute", () =>
            {
                var after = stored.Value != 0;
                var code = vm.Vcpus[1].Fetch(Gfn);
                if (after && code != 2)
                    world.Fail(VerdictKind.Invariant, $"The store had ended, and a fetch that began afterwards executed {code}.");
            });
            world.Thread("store", () =>
            {
                vm.Vcpus[0].Store(Gfn, 2);
                stored.Value = 1;
            });
        },
        """
        A frame that holds decoded code is marked, and whoever translates it for writing clears the mark and steps its generation first;
        marking has every vCPU drop its write entries. So a store that has ended is never missed by code decoded before it.
        """),
        new DelegateScenario("fetch-vs-slot-delete", "A vCPU fetches from a page for the first time while its slot is deleted.", s =>
        {
            var (world, vm, _) = OnePage(s);
            vm.Vcpus[0].Load(Gfn);
            world.Thread("vcpu", () => vm.Vcpus[0].Fetch(Gfn));
            world.Thread("delete", () => vm.DeleteSlot(0));
        },
        """
        The frame is not marked yet, so the vCPU leaves guest mode, and looks its page up again under mmu_lock, shared. Its root may be
        obsolete by then, and be taken apart by the deletion, which holds mmu_lock shared, too: a walk may only begin where the root is
        valid.
        """),
        new DelegateScenario("zap-all-vs-faults", "Everything is zapped in O(1) while two vCPUs fault.", s =>
        {
            var (world, vm, _) = OnePage(s, vcpus: 2);
            vm.Vcpus[0].Store(Gfn, 1);
            world.Thread("vcpu0", () => vm.Vcpus[0].Load(Gfn));
            world.Thread("vcpu1", () => vm.Vcpus[1].Store(Gfn, 2));
            world.Thread("zap", () => ZapAll(vm));
        },
        """
        The roots become obsolete under mmu_lock, every vCPU lets go of them, then their tables are freed with the lock shared, beside
        faults that fill the new root. A fault that still holds the obsolete one must notice under mmu_lock and map nothing there.
        """),
        new DelegateScenario("kill-vs-fault", "A VM is killed while a vCPU faults.", s =>
        {
            var (world, vm, _) = OnePage(s);
            world.Thread("vcpu", () => vm.Vcpus[0].Load(Gfn));
            world.Thread("kill", () => vm.Vm.Kill("The scenario kills the VM."));
            s.AtEnd("the vCPU says that it was shut down, or had ended before", () =>
                vm.Vcpus[0].LastExit is VcpuExitReason.EnvironmentCall or VcpuExitReason.Shutdown or VcpuExitReason.InternalError ? null
                : $"it ended with {vm.Vcpus[0].LastExit}");
        },
        "The request to die waits until the vCPU is out of guest mode, and the vCPU stops in the middle of its instruction without having "
            + "done half of it."),
    ];

    internal static void ZapAll(LabVm vm) => vm.ZapAll();

    private static (LabWorld World, LabVm Vm, Hva Hva) OnePage(Schedule schedule, int vcpus = 1)
    {
        var world = new LabWorld(schedule);
        var hva = world.Map(1);
        world.Memory.Write(hva, [1]);
        var vm = world.AddVm(vcpus);
        vm.SetSlot(0, Gfn, 1, hva);
        return (world, vm, hva);
    }

    /// <summary>An access of the guest after a flush has returned must not use what the TLB held before it.</summary>
    private sealed class AccessAfterFlush(LabWorld world, LabVcpu vcpu) : StepMonitor
    {
        private readonly uint _before = vcpu.Vcpu.FlushCount;
        private bool _flushed;

        public void Flushed()
        {
            _flushed = true;
            world.Schedule.Depends(this, 0, changes: true);
        }

        public override void OnStep(int thread, in CheckStep step, bool succeeded)
        {
            if (vcpu.AccessingThread != thread || Still.AccessedFrame(world.Pool, step).IsNone)
                return;
            world.Schedule.Depends(this, 0, changes: false);
            if (_flushed && vcpu.Vcpu.FlushCount == _before)
                world.Fail(VerdictKind.Invariant, "A remote flush has returned, and the guest then used a TLB entry from before it.");
        }
    }
}
