namespace Warren.Hypervisor.Invalidation;

/// <summary>A way to keep memslot updates and notifications apart, chosen per VM (<see cref="VmOptions.Gate"/>).</summary>
public sealed class GateKind
{
    private readonly Func<VirtualMachine, InvalidationGate> _create;

    internal GateKind(string name, string idea, string price, Func<VirtualMachine, InvalidationGate> create)
    {
        Name = name;
        Idea = idea;
        Price = price;
        _create = create;
    }

    /// <summary>KVM's: an update waits until no notification is in flight.</summary>
    public static GateKind ActiveCount { get; } = new("active-count", "count notifications in flight; an update waits for zero",
        "an unbroken stream of notifications starves an update", vm => new ActiveCountGate(vm));

    /// <summary>An update lets the notifications in flight into the VM; nobody waits.</summary>
    public static GateKind Join { get; } =
        new("join", "each notification carries the list of VMs it entered; an update joins those in flight",
        "an update takes mmu_lock for write", vm => new JoinGate(vm));

    /// <summary><see cref="Join"/>: every core scenario of the lab is explored with it.</summary>
    public static GateKind Default => Join;

    /// <summary>Every kind a VM can be made with outside of the lab.</summary>
    public static IReadOnlyList<GateKind> All { get; } = [Join, ActiveCount];

    /// <summary>Its name on the command line.</summary>
    public string Name { get; }

    /// <summary>How it works, in one line.</summary>
    public string Idea { get; }

    /// <summary>Its cost, in one line.</summary>
    public string Price { get; }

    /// <summary>The kind of that name, or null.</summary>
    public static GateKind? Find(string name) => All.FirstOrDefault(kind => kind.Name == name);

    internal InvalidationGate Create(VirtualMachine vm) => _create(vm);

    public override string ToString() => Name;
}
