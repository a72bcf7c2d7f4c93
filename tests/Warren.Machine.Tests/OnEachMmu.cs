using System.Threading;
using Warren.Hypervisor.Paging;

namespace Warren.Machines.Tests;

/// <summary>Tests that hold whatever MMU the machine has: the guests they make run on this one. One derived class for each kind.</summary>
public abstract class OnEachMmu
{
    private static readonly AsyncLocal<MmuKind?> Chosen = new();

    protected OnEachMmu(MmuKind mmu) => Chosen.Value = mmu;

    /// <summary>The MMU of the current test's guests.</summary>
    internal static MmuKind Current => Chosen.Value ?? MmuKind.Default;
}
