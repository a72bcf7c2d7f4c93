using Warren.Hypervisor.Vcpus;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>
/// A vCPU whose guest does nothing but halt. Whoever kicks it finds it awake, or wakes it: that no kick is lost is checked at the end.
/// </summary>
public sealed class LabHalter
{
    private readonly Vcpu _vcpu;
    private bool _halted;
    private bool _woken;

    /// <param name="schedule">What is being built.</param>
    /// <param name="vm">Whose vCPU it is.</param>
    public LabHalter(Schedule schedule, LabVm vm)
    {
        ArgumentNullException.ThrowIfNull(schedule);
        ArgumentNullException.ThrowIfNull(vm);
        _vcpu = vm.Vm.CreateVcpu(new ScriptedEngine(new GuestScript(static _ => GuestStep.Halt)));
        _vcpu.Wakeup = _ => _woken = true;
        schedule.AtEnd("a kick wakes a halted vCPU",
            () => _halted && !_woken && IsKicked() ? "the vCPU has halted with the kick pending, and nobody runs it again" : null);
    }

    /// <summary>Runs the vCPU until it halts or is kicked.</summary>
    public void Halt()
    {
        (_halted, _woken) = (false, false);
        var budget = 1L;
        _halted = _vcpu.Run(ref budget).Reason == VcpuExitReason.Halted;
        Check.AssertNoneHeld();
    }

    private unsafe bool IsKicked() => (*_vcpu.RequestWord & VcpuRequest.Kick.Bit()) != 0;
}
