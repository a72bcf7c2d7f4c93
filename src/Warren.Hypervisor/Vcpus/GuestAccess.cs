namespace Warren.Hypervisor.Vcpus;

public enum GuestAccess
{
    Read,
    Write,
    Execute,
}
