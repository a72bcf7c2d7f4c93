namespace Warren.HostMemory;

/// <summary>The accesses that a mapping allows. Write implies Read, as on the machines Linux runs on.</summary>
[Flags]
public enum VmaProtection
{
    None = 0,
    Read = 1,
    Write = 2,
}
