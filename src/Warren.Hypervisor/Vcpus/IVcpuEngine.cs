namespace Warren.Hypervisor.Vcpus;

/// <summary>The executor of a vCPU: a guest CPU, or a script.</summary>
public interface IVcpuEngine
{
    /// <summary>
    /// Executes guest code; in guest mode on entry and on return. Returns soon after <see cref="Vcpu.RequestPending"/> turned true, when
    /// the budget is used up, or for a reason of its own. Holds no lock and no reference of the hypervisor while it runs.
    /// </summary>
    VcpuExit Execute(Vcpu vcpu, ref long budget);

    /// <summary>Drops every cached translation and host pointer. On the vCPU's thread, outside guest mode.</summary>
    void FlushTlb();

    /// <summary>The meaning of the guest's page tables; needed by a VM with a shadow MMU.</summary>
    IGuestPageFormat PageFormat => throw NoShadowSupport();

    /// <summary>
    /// Walks the guest's tables for a VM with a shadow MMU: from the root last given to <see cref="Vcpu.SetGuestRoot"/>, reading them with
    /// <see cref="Vcpu.ReadGuestWord"/>, checks the rights, and sets A and D as the ISA tells with
    /// <see cref="Vcpu.CompareExchangeGuestWord"/>. Never called while the guest has no translation: then
    /// its addresses are physical, and nothing is to be walked. On the vCPU's thread, outside guest mode, no
    /// lock held; may sleep.
    /// </summary>
    /// <param name="vcpu">whose guest</param>
    /// <param name="address">guest virtual address, of any form</param>
    /// <param name="access">what the guest is about to do</param>
    /// <param name="mode">in which mode</param>
    /// <param name="walk">filled in when the answer is Ok</param>
    GuestWalkStatus WalkGuest(Vcpu vcpu, Gva address, GuestAccess access, GuestPrivilege mode, ref GuestWalk walk) =>
        throw NoShadowSupport();

    private static NotSupportedException NoShadowSupport() =>
        new("This engine has no support for shadow paging: use VmOptions.Mmu = MmuKind.Tdp.");
}
