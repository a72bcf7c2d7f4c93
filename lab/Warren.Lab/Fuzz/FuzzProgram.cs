namespace Warren.Lab.Fuzz;

/// <summary>
/// A small concurrent program over virtual machines: what there is, what is done before the threads start, and what each of them does.
/// Thread n executes guest code on a vCPU of its own in each VM. Immutable; written and read as text.
/// </summary>
public sealed record FuzzProgram
{
    internal const int MaxPages = 4;
    internal const int MaxVms = 3;
    internal const int MaxThreads = 4;
    internal const int MaxOps = 24;

    /// <summary>Pages of guest memory that operations name, or windows.</summary>
    internal const int Gfns = 8;

    /// <summary>Anonymous pages of host memory.</summary>
    internal int Pages { get; init; } = 1;

    /// <summary>Pages of a file, mapped privately behind them.</summary>
    internal int FilePages { get; init; }

    /// <summary>It is explored with store buffers.</summary>
    public bool WeakMemory { get; internal init; }

    internal IReadOnlyList<VmTraits> Vms { get; init; } = [VmTraits.None];

    /// <summary>Done while the scenario is built, on the vCPUs of the first thread until an operation says otherwise.</summary>
    internal IReadOnlyList<Op> Setup { get; init; } = [];

    internal IReadOnlyList<IReadOnlyList<Op>> Threads { get; init; } = [];

    /// <summary>Host pages that operations name.</summary>
    internal int HostPages => Pages + FilePages;

    /// <summary>All operations of the threads.</summary>
    internal IEnumerable<Op> ThreadOps => Threads.SelectMany(t => t);

    /// <summary>Six pages in a row, one of the next table, and one that shares no table below the root.</summary>
    internal static ulong GfnOf(int number) => number switch
    {
        6 => 0x210,
        7 => 0x800_0010,
        _ => 0x10 + (ulong)number,
    };

    /// <summary>The greatest value of an argument.</summary>
    internal int Greatest(ArgumentKind kind) => kind switch
    {
        ArgumentKind.Vm => Vms.Count - 1,
        ArgumentKind.Gfn => Gfns - 1,
        ArgumentKind.Host => HostPages - 1,
        ArgumentKind.More => 1,
        ArgumentKind.Slot => 2,
        ArgumentKind.Flags or ArgumentKind.Protection => 3,
        ArgumentKind.Value => 9,
        ArgumentKind.Step => 5,
        ArgumentKind.Table => 3,
        ArgumentKind.Last => 1,
        _ => Threads.Count - 1,
    };

    /// <summary>The same with every argument brought into its range, and runs of pages that end where their mapping does.</summary>
    internal FuzzProgram Normalised() => this with
    {
        Setup = [.. Setup.Select(Normalised)],
        Threads = [.. Threads.Select(t => (IReadOnlyList<Op>)[.. t.Select(Normalised)])],
    };

    /// <summary>The threads that execute guest code in a VM, in the order of its vCPUs.</summary>
    internal IReadOnlyList<int> VcpusOf(int vm) => UsersOf(vm, static kind => kind.IsGuests);

    /// <summary>Those on which a vCPU of the VM halts.</summary>
    internal IReadOnlyList<int> HaltersOf(int vm) => UsersOf(vm, static kind => kind.Word == OpKinds.Halt);

    private List<int> UsersOf(int vm, Func<OpKind, bool> uses)
    {
        var used = new SortedSet<int>();
        var setup = 0;
        foreach (var op in Setup)
        {
            if (op.Kind.IndexOf(ArgumentKind.Thread) >= 0)
                setup = op[0];
            else if (uses(op.Kind) && op.Of(ArgumentKind.Vm) == vm)
                used.Add(setup);
        }

        for (var thread = 0; thread < Threads.Count; thread++)
        {
            if (Threads[thread].Any(op => uses(op.Kind) && op.Of(ArgumentKind.Vm) == vm))
                used.Add(thread);
        }

        return [.. used];
    }

    /// <summary>The operation has an effect: one that needs tables is in a VM that has some.</summary>
    internal bool IsAlive(Op op) => !op.Kind.NeedsTables || (Vms[op.Of(ArgumentKind.Vm)] & VmTraits.Tables) != 0;

    /// <exception cref="FormatException">It is no program; the message says where.</exception>
    public static FuzzProgram Parse(string text) => ProgramText.Parse(text);

    /// <summary>In one line.</summary>
    public override string ToString() => ProgramText.Format(this);

    private Op Normalised(Op op)
    {
        var arguments = op.Arguments.Select((a, i) => Math.Clamp(a, 0, Greatest(op.Kind.Arguments[i]))).ToList();
        if (op.Kind.IndexOf(ArgumentKind.More) is >= 0 and var more)
        {
            var host = arguments[op.Kind.IndexOf(ArgumentKind.Host)];
            var end = host < Pages ? Pages : HostPages;
            arguments[more] = Math.Min(arguments[more], end - host - 1);
        }

        return op with { Arguments = arguments };
    }
}
