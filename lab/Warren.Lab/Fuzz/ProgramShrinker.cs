namespace Warren.Lab.Fuzz;

/// <summary>
/// Makes a program that fails small: leaves out threads, VMs, operations and options, and lowers numbers, for as long as what remains fails
/// in the same way.
/// </summary>
/// <param name="fails">Whether a program does.</param>
/// <param name="mayContinue">Asked before each try.</param>
internal sealed class ProgramShrinker(Func<FuzzProgram, bool> fails, Func<bool> mayContinue)
{
    private const int Tries = 300;

    private static readonly (string From, string To)[] s_simpler =
    [
        ("loads", "load"), ("stores", "store"), ("load-store", "store"), ("add", "store"), ("notify-nested", "notify"), ("reap", "discard"),
        ("unmap", "discard"),
    ];

    private int _left = Tries;

    internal FuzzProgram Shrink(FuzzProgram program)
    {
        for (var smaller = true; smaller && _left > 0;)
        {
            smaller = false;
            // Each kind of cut goes on from what the one before has left.
            foreach (var cuts in (Func<FuzzProgram, IEnumerable<FuzzProgram>>[])[Threads, Vms, Ops, Options, Numbers])
            {
                while (_left > 0 && cuts(program).FirstOrDefault(Fails) is { } found)
                    (program, smaller) = (found, true);
            }
        }

        return program;
    }

    private bool Fails(FuzzProgram candidate) => _left-- > 0 && mayContinue() && fails(candidate);

    private static IEnumerable<FuzzProgram> Threads(FuzzProgram program)
    {
        for (var i = program.Threads.Count - 1; i >= 0 && program.Threads.Count > 1; i--)
        {
            var gone = i;
            yield return (program with
            {
                Threads = [.. program.Threads.Where((_, t) => t != gone)],
                Setup = [.. program.Setup.Select(op => Lowered(op, ArgumentKind.Thread, gone))],
            }).Normalised();
        }
    }

    private static IEnumerable<FuzzProgram> Vms(FuzzProgram program)
    {
        for (var i = program.Vms.Count - 1; i >= 0 && program.Vms.Count > 1; i--)
        {
            var gone = i;
            yield return program with
            {
                Vms = [.. program.Vms.Where((_, v) => v != gone)],
                Setup = Without(program.Setup),
                Threads = [.. program.Threads.Select(Without)],
            };

            IReadOnlyList<Op> Without(IReadOnlyList<Op> ops) =>
                [.. ops.Where(op => op.Kind.IndexOf(ArgumentKind.Vm) < 0 || op.Of(ArgumentKind.Vm) != gone)
                    .Select(op => Lowered(op, ArgumentKind.Vm, gone))];
        }
    }

    private static IEnumerable<FuzzProgram> Ops(FuzzProgram program)
    {
        for (var i = program.Setup.Count - 1; i >= 0; i--)
            yield return program with { Setup = [.. program.Setup.Where((_, o) => o != i)] };
        for (var thread = 0; thread < program.Threads.Count; thread++)
        {
            for (var i = program.Threads[thread].Count - 1; i >= 0; i--)
                yield return With(program, thread, [.. program.Threads[thread].Where((_, o) => o != i)]);
        }
    }

    private static IEnumerable<FuzzProgram> Options(FuzzProgram program)
    {
        if (program.WeakMemory)
            yield return program with { WeakMemory = false };
        for (var vm = 0; vm < program.Vms.Count; vm++)
        {
            foreach (var trait in Enum.GetValues<VmTraits>().Where(t => t != VmTraits.None && (program.Vms[vm] & t) != 0))
                yield return program with { Vms = [.. program.Vms.Select((v, i) => i == vm ? v & ~trait : v)] };
        }

        if (program.FilePages > 0)
            yield return (program with { FilePages = program.FilePages - 1 }).Normalised();
        if (program.Pages > 1)
            yield return (program with { Pages = program.Pages - 1 }).Normalised();
    }

    private static IEnumerable<FuzzProgram> Numbers(FuzzProgram program)
    {
        for (var i = 0; i < program.Setup.Count; i++)
        {
            foreach (var op in Simpler(program.Setup[i]))
                yield return program with { Setup = [.. program.Setup.Select((o, at) => at == i ? op : o)] };
        }

        for (var thread = 0; thread < program.Threads.Count; thread++)
        {
            for (var i = 0; i < program.Threads[thread].Count; i++)
            {
                foreach (var op in Simpler(program.Threads[thread][i]))
                    yield return With(program, thread, [.. program.Threads[thread].Select((o, at) => at == i ? op : o)]);
            }
        }
    }

    private static IEnumerable<Op> Simpler(Op op)
    {
        foreach (var (from, to) in s_simpler)
        {
            if (op.Kind.Word == from && OpKinds.Find(to) is { } kind)
            {
                yield return new(kind,
                    [.. op.Arguments.Take(kind.Arguments.Count),
                        .. Enumerable.Repeat(0, Math.Max(0, kind.Arguments.Count - op.Arguments.Count))]);
            }
        }

        for (var i = 0; i < op.Arguments.Count; i++)
        {
            var least = op.Kind.Arguments[i] == ArgumentKind.Value ? 1 : 0;
            if (op[i] > least)
                yield return op.With(i, least);
            if (op[i] > least + 1)
                yield return op.With(i, op[i] - 1);
        }
    }

    private static Op Lowered(Op op, ArgumentKind kind, int gone) =>
        op.Kind.IndexOf(kind) is >= 0 and var at && op[at] > gone ? op.With(at, op[at] - 1) : op;

    private static FuzzProgram With(FuzzProgram program, int thread, IReadOnlyList<Op> ops) =>
        program with { Threads = [.. program.Threads.Select((t, i) => i == thread ? ops : t)] };
}
