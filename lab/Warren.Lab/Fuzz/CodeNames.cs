namespace Warren.Lab.Fuzz;

/// <summary>The names of the objects of a program in C#, as one of its threads sees them; beside <see cref="ProgramStage"/>.</summary>
internal sealed class CodeNames(FuzzProgram program, int thread)
{
    internal int Thread { get; set; } = thread;

    internal static string Vm(Op op) => Vm(op.Of(ArgumentKind.Vm));

    internal static string Vm(int vm) => $"vm{vm}";

    internal string Cpu(Op op) => $"{Vm(op)}.Vcpus[{program.VcpusOf(op.Of(ArgumentKind.Vm)).ToList().IndexOf(Thread)}]";

    internal static string Tables(Op op) => Tables(op.Of(ArgumentKind.Vm));

    internal static string Tables(int vm) => $"tables{vm}";

    internal string Halter(Op op) => Halter(op.Of(ArgumentKind.Vm), Thread);

    internal static string Halter(int vm, int thread) => $"halter{vm}{thread}";

    internal string Address(Op op) => op.Of(ArgumentKind.Gfn) is var number && (program.Vms[op.Of(ArgumentKind.Vm)] & VmTraits.Tables) == 0
        ? Hex(FuzzProgram.GfnOf(number)) : Hex(LabTables.Windows + (ulong)number);

    internal string Hva(Op op)
    {
        var page = op.Of(ArgumentKind.Host);
        var (name, at) = page < program.Pages ? ("pages", page) : ("file", page - program.Pages);
        return at == 0 ? name : $"{name} + {Hex((ulong)at * LabWorld.PageSize)}";
    }

    internal static string Hex(ulong value) => $"0x{value:x}";
}
