namespace Warren.Hypervisor.Vcpus;

/// <summary>The rights that an entry of a guest's page table gives the guest.</summary>
[Flags]
public enum GuestRights : byte
{
    None = 0,
    Read = 1,
    Write = 2,
    Execute = 4,
    /// <summary>User mode may; supervisor only as <see cref="GuestPrivilege.Sum"/> says, and never to execute.</summary>
    User = 8,
}
