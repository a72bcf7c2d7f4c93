using Warren.HostMemory;
using Warren.Hypervisor;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>
/// At the end, when nothing is in flight, every vCPU reaches what is there and nothing else: memory where a slot and a mapping of the host
/// are, with the value and the code that stand in it; an access fault elsewhere; and with tables of the guest, after a fence, what these
/// say. A VM that was killed reaches nothing.
/// </summary>
internal sealed class AccessOracle(LabWorld world) : StepMonitor
{
    public override void OnStep(int thread, in CheckStep step, bool succeeded)
    {
    }

    public override void OnEnd()
    {
        foreach (var vm in world.VmList)
        {
            if (vm.IsDisposed || vm.Vm.IsDead)
                continue;
            if (vm.Vm.ErrorReason is { } reason)
            {
                if (!vm.RunsOutOfMemory)
                    world.Fail(VerdictKind.Invariant, $"{vm} has come to an end: {reason}");
                continue;
            }

            foreach (var gfn in vm.Gfns)
            {
                if (Still.Slot(vm, gfn) is { IsInvalid: true } slot)
                    world.Fail(VerdictKind.Invariant, $"No update is under way, and slot {slot.Id} of {vm} is marked as one that goes.");
            }

            foreach (var vcpu in vm.VcpuList)
                Check(vm, vcpu);
        }
    }

    private void Check(LabVm vm, LabVcpu vcpu)
    {
        if (vm.Tables is not { } tables)
        {
            foreach (var gfn in vm.Gfns)
                Check(vm, vcpu, gfn.Value, gfn, GuestAccessResult.AccessFault);
            return;
        }

        vcpu.Fence();
        for (var window = 0; window < tables.Count; window++)
        {
            var target = tables.Target(window, out var isLost);
            Check(vm, vcpu, LabTables.Windows + (ulong)window, target,
                isLost || target is not null ? GuestAccessResult.AccessFault : GuestAccessResult.PageFault);
        }
    }

    /// <param name="address">The page that the guest names.</param>
    /// <param name="gfn">The one that it means; null where it means none.</param>
    /// <param name="otherwise">How an access ends where there is no memory.</param>
    private void Check(LabVm vm, LabVcpu vcpu, ulong address, Gfn? gfn, GuestAccessResult otherwise)
    {
        var value = vcpu.Load(address);
        var hva = gfn is { } page && Still.Slot(vm, page) is { } slot ? slot.GfnToHva(page) : default;
        var entry = hva == default ? default : world.Memory.Peek(hva, out _);
        var expected = hva != default && IsReadable(hva) ? GuestAccessResult.Memory : otherwise;
        if (vcpu.Result != expected)
        {
            world.Fail(VerdictKind.Invariant,
                $"At the end an access to {Words(vm, vcpu, address)} ends as {vcpu.Result}, and is to end as {expected}.");
        }

        if (expected != GuestAccessResult.Memory)
            return;
        var there = Word(entry.Pfn);
        if (value != there)
        {
            world.Fail(VerdictKind.Invariant,
                $"At the end a load from {Words(vm, vcpu, address)} finds 0x{value:x}, and there is 0x{there:x}.");
        }

        if (vcpu.HasFetched && CodeIsCurrent && vcpu.Fetch(address) is var code && code != (uint)there)
        {
            world.Fail(VerdictKind.Invariant,
                $"At the end 0x{code:x} is executed at {Words(vm, vcpu, address)}, and there is 0x{there:x}.");
        }
    }

    private static string Words(LabVm vm, LabVcpu vcpu, ulong address) => $"page 0x{address:x} by vCPU {vcpu.Vcpu.Id} of {vm}";

    /// <summary>
    /// Two VMs over one writable address space must not execute what the other writes (<c>CodeMarks</c>): nobody tells them.
    /// </summary>
    private bool CodeIsCurrent => !world.CodeMayBeStale && world.VmList.Count == 1;

    private bool IsReadable(Hva hva)
    {
        _ = world.Memory.Peek(hva, out var allowed);
        return (allowed & VmaProtection.Read) != 0;
    }

    private unsafe ulong Word(Pfn pfn) => *(ulong*)world.Pool.Pointer(pfn);
}
