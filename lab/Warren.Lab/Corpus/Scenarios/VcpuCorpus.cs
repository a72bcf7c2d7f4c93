using Warren.Hypervisor.Vcpus;

namespace Warren.Lab;

/// <summary>Requests, modes, halting, and code that is written while it is executed.</summary>
internal static class VcpuCorpus
{
    internal static IReadOnlyList<Scenario> All { get; } =
    [
        new DelegateScenario("halt-vs-kick", "A vCPU halts while another thread kicks it.", s =>
        {
            var world = new LabWorld(s);
            var vm = world.AddVm(vcpus: 0);
            var vcpu = vm.Vm.CreateVcpu(new ScriptedEngine(new GuestScript(_ => GuestStep.Halt)));
            var woken = false;
            var halted = false;
            vcpu.Wakeup = _ => woken = true;
            world.Thread("vcpu", () =>
            {
                var budget = 1L;
                halted = vcpu.Run(ref budget).Reason == VcpuExitReason.Halted;
            });
            world.Thread("kick", vcpu.Kick);
            s.AtEnd("a kick wakes a halted vCPU",
                () => halted && !woken && vcpu.RequestPending ? "the vCPU has halted with the kick pending, and nobody runs it again"
                    : null);
        }),
        new DelegateScenario("two-deletes-vs-entry",
            "Two slots are deleted one after the other while a vCPU loads a root and uses a third.", s =>
        {
            var (world, vm, _) = FaultCorpus.Pages(s, 1, vcpus: 2);
            vm.SetSlot(1, FaultCorpus.Gfn + 1, 1, world.Map(1));
            vm.SetSlot(2, FaultCorpus.Gfn + 2, 1, world.Map(1));
            vm.Vcpus[1].Load(FaultCorpus.Gfn);
            world.Thread("vcpu", () => vm.Vcpus[0].Load(FaultCorpus.Gfn + 2));
            world.Thread("delete", () =>
            {
                vm.DeleteSlot(0);
                vm.DeleteSlot(1);
            });
        }),
        new DelegateScenario("code-write-vs-fetch", "One vCPU rewrites an instruction that another executes.", s =>
        {
            var (world, vm, _) = FaultCorpus.Pages(s, 1, vcpus: 2);
            vm.Vcpus[0].Store(FaultCorpus.Gfn, 1);
            world.Thread("executes", () => vm.Vcpus[1].Fetch(FaultCorpus.Gfn));
            world.Thread("writes", () => vm.Vcpus[0].Store(FaultCorpus.Gfn, 2));
            s.AtEnd("new code is executed in the end",
                () => vm.Vcpus[1].Fetch(FaultCorpus.Gfn) is var word && word != 2 ? $"the vCPU still executes {word}" : null);
        }),
        new DelegateScenario("code-device-write-vs-fetch", "A device writes over an instruction that a vCPU executes.", s =>
        {
            var (world, vm, _) = FaultCorpus.Pages(s, 1);
            vm.WriteGuest(FaultCorpus.Gfn, 1);
            world.Thread("executes", () => vm.Vcpus[0].Fetch(FaultCorpus.Gfn));
            world.Thread("device", () => vm.WriteGuest(FaultCorpus.Gfn, 2));
            s.AtEnd("new code is executed in the end",
                () => vm.Vcpus[0].Fetch(FaultCorpus.Gfn) is var word && word != 2 ? $"the vCPU still executes {word}" : null);
        }),
    ];
}
