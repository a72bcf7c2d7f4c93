namespace Warren.Lab.Fuzz;

/// <summary>Draws programs, and changes them. The same dice give the same programs.</summary>
internal sealed class ProgramGenerator(ulong seed)
{
    private static readonly VmTraits[] s_traits = [.. Enum.GetValues<VmTraits>().Where(t => t != VmTraits.None)];

    private Dice _dice = new(seed);

    internal bool OneIn(int count) => _dice.Below(count) == 0;

    internal int Below(int count) => _dice.Below(count);

    internal ulong Seed() => _dice.Next();

    internal FuzzProgram Draw()
    {
        var program = new FuzzProgram
        {
            Pages = 1 + Low(3),
            FilePages = OneIn(3) ? 1 + Low(2) : 0,
            WeakMemory = OneIn(10),
            Vms = [.. Enumerable.Range(0, OneIn(5) ? 2 : 1).Select(_ => DrawVm())],
            Threads = [.. Enumerable.Repeat<IReadOnlyList<Op>>([], 2 + Low(3))],
        };
        program = program with
        {
            Setup = DrawSetup(program),
            Threads = [.. program.Threads.Select((_, i) => (IReadOnlyList<Op>)DrawThread(program, i))],
        };
        return program.Normalised();
    }

    /// <summary>One to three changes.</summary>
    internal FuzzProgram Change(FuzzProgram program, FuzzProgram other)
    {
        for (var left = 1 + Low(3); left > 0; left--)
            program = ChangeOnce(program, other).Normalised();
        return program;
    }

    private FuzzProgram ChangeOnce(FuzzProgram program, FuzzProgram other)
    {
        var thread = Below(program.Threads.Count);
        var ops = program.Threads[thread];
        switch (Below(12))
        {
            case 0 or 1:
                return With(program, thread, ops.Count < FuzzProgram.MaxOps ? Inserted(ops, DrawOp(program)) : ops);
            case 2 when ops.Count > 1:
                return With(program, thread, Without(ops, Below(ops.Count)));
            case 3 or 4 when ops.Count > 0:
                return With(program, thread, Replaced(ops, Below(ops.Count), DrawOp(program)));
            case 5 or 6 when ops.Count > 0:
                var at = Below(ops.Count);
                return With(program, thread, Replaced(ops, at, Redrawn(program, ops[at])));
            case 7 when program.Setup.Count > 0 && program.Setup.Count < FuzzProgram.MaxOps:
                return program with { Setup = OneIn(2) ? Inserted(program.Setup, DrawSetupOp(program)) : ChangedSetup(program) };
            case 8 when program.Setup.Count > 1:
                return program with { Setup = Without(program.Setup, Below(program.Setup.Count)) };
            case 9:
                var vm = Below(program.Vms.Count);
                return program with { Vms = [.. program.Vms.Select((v, i) => i == vm ? v ^ s_traits[Below(s_traits.Length)] : v)] };
            case 10 when program.Threads.Count < FuzzProgram.MaxThreads:
                return program with { Threads = [.. program.Threads, DrawThread(program, program.Threads.Count)] };
            case 11:
                // What another program does in a thread, here.
                return With(program, thread, other.Threads[Below(other.Threads.Count)]);
            default:
                return program with { WeakMemory = OneIn(4), FilePages = Below(2), Pages = 1 + Low(3) };
        }
    }

    private VmTraits DrawVm()
    {
        var traits = VmTraits.None;
        if (OneIn(2))
            traits |= VmTraits.Shadow;
        if (OneIn(3))
            traits |= VmTraits.ActiveCount;
        if (OneIn(4))
            traits |= VmTraits.Impatient;
        if (OneIn(4))
            traits |= VmTraits.Tables;
        if (OneIn(6))
            traits |= OneIn(2) ? VmTraits.Manual : VmTraits.Manual | VmTraits.InitiallySet;
        if (OneIn(6))
            traits |= OneIn(2) ? VmTraits.Ring : VmTraits.RingBitmap;
        if ((traits & VmTraits.Tables) != 0 && OneIn(2))
            traits |= VmTraits.Unmarked;
        if ((traits & VmTraits.Shadow) != 0 && OneIn(6))
            traits |= VmTraits.Limited;
        return traits;
    }

    /// <summary>Most often each VM has a slot, and its first page has been used.</summary>
    private List<Op> DrawSetup(FuzzProgram program)
    {
        var ops = new List<Op>();
        var flags = OneIn(3) ? 1 : 0;
        for (var vm = 0; vm < program.Vms.Count; vm++)
        {
            if (!OneIn(8))
                ops.Add(Of("set", vm, 0, Low(2), Low(2), 0, flags));
            if (OneIn(3))
                ops.Add(Of("set", vm, 1, 1 + Below(FuzzProgram.Gfns - 1), Low(2), Low(program.HostPages), OneIn(4) ? Below(4) : flags));
        }

        if (OneIn(2))
            ops.Add(Of("write", Low(program.HostPages), 1));
        for (var left = Below(4); left > 0; left--)
            ops.Add(DrawSetupOp(program));
        return ops;
    }

    private List<Op> DrawThread(FuzzProgram program, int thread)
    {
        var ops = new List<Op>();
        // Without guest code there is nothing to protect from anything.
        for (var left = 1 + Low(3); left > 0; left--)
            ops.Add(thread == 0 || OneIn(4) ? DrawOp(program, static k => k.IsGuests) : DrawOp(program));
        return ops;
    }

    private Op DrawSetupOp(FuzzProgram program) => Below(10) switch
    {
        < 6 => DrawOp(program, static k => k.IsGuests),
        < 8 => DrawOp(program, static k => k.IsForSetup),
        _ => DrawOp(program),
    };

    private Op DrawOp(FuzzProgram program) => DrawOp(program, static k => !k.IsForSetup);

    private Op DrawOp(FuzzProgram program, Func<OpKind, bool> which)
    {
        var vm = Low(program.Vms.Count);
        var hasTables = (program.Vms[vm] & VmTraits.Tables) != 0;
        var kinds = OpKinds.All.Where(k => which(k) && (hasTables || !k.NeedsTables)).ToList();
        var at = Below(kinds.Sum(k => k.Weight));
        var kind = kinds.First(k => (at -= k.Weight) < 0);
        return new(kind, [.. kind.Arguments.Select(a => a == ArgumentKind.Vm ? vm : DrawArgument(program, a))]);
    }

    private int DrawArgument(FuzzProgram program, ArgumentKind kind) => kind switch
    {
        ArgumentKind.Thread => Below(program.Threads.Count),
        ArgumentKind.Flags => OneIn(8) ? Below(4) : Below(2),
        ArgumentKind.Protection => OneIn(4) ? Below(4) : 1,
        ArgumentKind.Value => 1 + Below(9),
        ArgumentKind.Step or ArgumentKind.Table or ArgumentKind.Last => Below(program.Greatest(kind) + 1),
        _ => Low(program.Greatest(kind) + 1),
    };

    private Op Redrawn(FuzzProgram program, Op op)
    {
        if (op.Arguments.Count == 0)
            return op;
        var at = Below(op.Arguments.Count);
        return op.With(at, DrawArgument(program, op.Kind.Arguments[at]));
    }

    private List<Op> ChangedSetup(FuzzProgram program)
    {
        var at = Below(program.Setup.Count);
        return Replaced(program.Setup, at, Redrawn(program, program.Setup[at]));
    }

    private List<Op> Inserted(IReadOnlyList<Op> ops, Op op)
    {
        List<Op> inserted = [.. ops];
        inserted.Insert(Below(ops.Count + 1), op);
        return inserted;
    }

    /// <summary>Most often 0: programs in which everything happens in one place.</summary>
    private int Low(int count)
    {
        for (var i = 0; i < count - 1; i++)
        {
            if (!OneIn(3))
                return i;
        }

        return Below(count);
    }

    private static Op Of(string word, params int[] arguments) => new(OpKinds.Find(word)!, arguments);

    private static FuzzProgram With(FuzzProgram program, int thread, IReadOnlyList<Op> ops) =>
        program with { Threads = [.. program.Threads.Select((t, i) => i == thread ? ops : t)] };

    private static List<Op> Replaced(IReadOnlyList<Op> ops, int at, Op op) => [.. ops.Select((o, i) => i == at ? op : o)];

    private static List<Op> Without(IReadOnlyList<Op> ops, int at) => [.. ops.Where((_, i) => i != at)];
}
