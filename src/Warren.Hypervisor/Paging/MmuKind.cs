using Warren.Hypervisor.Shadow;
using Warren.Hypervisor.Tdp;

namespace Warren.Hypervisor.Paging;

/// <summary>A way to keep a VM's page tables, chosen per VM (<see cref="VmOptions.Mmu"/>).</summary>
public sealed class MmuKind
{
    private readonly Func<VirtualMachine, Mmu> _create;

    private MmuKind(string name, string idea, Func<VirtualMachine, Mmu> create)
    {
        Name = name;
        Idea = idea;
        _create = create;
    }

    /// <summary>Two-dimensional paging: the guest walks its own tables, each step through the VM's.</summary>
    public static MmuKind Tdp { get; } =
        new("tdp", "tables from guest physical address to frame; the guest's own are walked at each TLB miss", vm => new TdpMmu(vm));

    /// <summary>Shadow paging: one walk, of tables that follow the guest's.</summary>
    public static MmuKind Shadow { get; } =
        new("shadow", "tables from guest virtual address to frame, kept in step with the guest's own", vm => new ShadowMmu(vm));

    /// <summary><see cref="Tdp"/>.</summary>
    public static MmuKind Default => Tdp;

    /// <summary>Every kind.</summary>
    public static IReadOnlyList<MmuKind> All { get; } = [Tdp, Shadow];

    /// <summary>Its name on the command line.</summary>
    public string Name { get; }

    /// <summary>How it works, in one line.</summary>
    public string Idea { get; }

    /// <summary>The kind of that name, or null.</summary>
    public static MmuKind? Find(string name) => All.FirstOrDefault(kind => kind.Name == name);

    internal Mmu Create(VirtualMachine vm) => _create(vm);

    public override string ToString() => Name;
}
