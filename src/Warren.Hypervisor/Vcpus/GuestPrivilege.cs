namespace Warren.Hypervisor.Vcpus;

/// <summary>In which mode of the guest an access is made; judged at each walk, so that no change of it needs other tables.</summary>
[Flags]
public enum GuestPrivilege : byte
{
    Supervisor = 0,
    User = 1,
    /// <summary>Supervisor may read and write user pages.</summary>
    Sum = 2,
    /// <summary>Pages that may be executed may be read.</summary>
    Mxr = 4,
}
