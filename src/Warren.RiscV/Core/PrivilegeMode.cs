namespace Warren.RiscV;

/// <summary>Privilege modes the guest runs in; machine mode is Warren itself.</summary>
public enum PrivilegeMode : byte
{
    User = 0,
    Supervisor = 1,
}
