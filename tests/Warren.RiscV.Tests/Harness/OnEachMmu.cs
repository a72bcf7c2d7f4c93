using Warren.Hypervisor.Paging;

namespace Warren.RiscV.Tests.Harness;

/// <summary>Tests that hold whatever MMU the VM has: the machines they make have this one. One derived class for each kind.</summary>
public abstract class OnEachMmu
{
    protected OnEachMmu(MmuKind mmu)
    {
        Mmu = mmu;
        TestMachine.DefaultMmu.Value = mmu;
    }

    protected MmuKind Mmu { get; }

    /// <summary>True when changes of tables above the lowest level count at once: they are write-protected.</summary>
    protected bool IsShadowed => Mmu == MmuKind.Shadow;
}
