namespace Warren.Hypervisor.Vcpus;

/// <summary>The guest's top-level table (its satp, its CR3).</summary>
/// <param name="Levels">0: no translation, guest virtual addresses are physical ones; 3, 4 or 5 levels of tables otherwise</param>
/// <param name="Gfn">where the top-level table lies; 0 without translation</param>
public readonly record struct GuestRoot(int Levels, Gfn Gfn);
