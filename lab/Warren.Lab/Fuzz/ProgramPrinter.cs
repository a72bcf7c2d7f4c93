using System.Text;

namespace Warren.Lab.Fuzz;

/// <summary>A program as C# that does the same: a scenario to be pasted into a project that refers to Warren.Lab.</summary>
public static class ProgramPrinter
{
    private const string Indent = "        ";

    /// <summary>The expression of a <see cref="DelegateScenario"/> of that name.</summary>
    public static string Scenario(FuzzProgram program, string name = ProgramScenario.DefaultName)
    {
        ArgumentNullException.ThrowIfNull(program);
        var lines = new List<string> { "var world = new LabWorld(s);", $"var pages = world.Map({program.Pages});" };
        if (program.FilePages > 0)
            lines.Add($"var file = world.MapFile({program.FilePages});");
        for (var vm = 0; vm < program.Vms.Count; vm++)
            Declare(program, vm, lines);
        lines.Add("world.CheckAccess();");
        var names = new CodeNames(program, 0);
        foreach (var op in program.Setup)
        {
            if (op.Kind.IndexOf(ArgumentKind.Thread) >= 0)
                names.Thread = op[0];
            else if (Call(program, names, op) is { } call)
                lines.Add(call);
        }

        for (var thread = 0; thread < program.Threads.Count; thread++)
        {
            names.Thread = thread;
            lines.Add($"world.Thread(\"thread{thread}\", () =>");
            lines.Add("{");
            lines.AddRange(program.Threads[thread].Select(op => Call(program, names, op)).OfType<string>().Select(call => "    " + call));
            lines.Add("});");
        }

        var text = new StringBuilder();
        text.Append($"new DelegateScenario(\"{name}\", \"Generated: {program}.\", s =>\n    {{\n");
        foreach (var line in lines)
            text.Append(Indent).Append(line).Append('\n');
        return text.Append("    })").ToString();
    }

    /// <summary>A file that compiles: the scenario in a public list, as <c>--assembly</c> finds it.</summary>
    public static string File(FuzzProgram program, string name = ProgramScenario.DefaultName) => $$"""
        using System.Collections.Generic;
        using Warren.HostMemory;
        using Warren.Hypervisor;
        using Warren.Hypervisor.Invalidation;
        using Warren.Hypervisor.Paging;
        using Warren.Hypervisor.Slots;
        using Warren.Lab;

        public static class Generated
        {
            public static IEnumerable<Scenario> All =>
            [
            {{Scenario(program, name)}},
            ];
        }

        """;

    private static void Declare(FuzzProgram program, int vm, List<string> lines)
    {
        var traits = program.Vms[vm];
        var name = CodeNames.Vm(vm);
        var gate = (traits & VmTraits.ActiveCount) != 0 ? ", GateKind.ActiveCount" : "";
        lines.Add($"var {name} = world.AddVm({program.VcpusOf(vm).Count}, new VmOptions {{ {Options(traits)} }}{gate});");
        if ((traits & VmTraits.Limited) != 0)
            lines.Add($"{name}.LimitShadowPages({ProgramStage.LimitedPages});");
        if ((traits & VmTraits.Impatient) != 0)
            lines.Add($"{name}.LosePatience();");
        if ((traits & VmTraits.Tables) != 0)
        {
            var targets = string.Join(", ", Enumerable.Range(0, FuzzProgram.Gfns).Select(g => CodeNames.Hex(FuzzProgram.GfnOf(g))));
            var marked = (traits & VmTraits.Unmarked) != 0 ? ", areMarked: false" : "";
            lines.Add($"var {CodeNames.Tables(vm)} = new LabTables(world, {name}, [{targets}]{marked});");
            lines.Add($"foreach (var vcpu in {name}.Vcpus)");
            lines.Add("    LabTables.Use(vcpu);");
        }

        lines.AddRange(program.HaltersOf(vm).Select(thread => $"var {CodeNames.Halter(vm, thread)} = new LabHalter(s, {name});"));
    }

    private static string Options(VmTraits traits)
    {
        var options = new List<string> { "HugePages = false" };
        if ((traits & VmTraits.Shadow) != 0)
            options.Add("Mmu = MmuKind.Shadow");
        if ((traits & VmTraits.Manual) != 0)
            options.Add("ManualDirtyLogProtect = true");
        if ((traits & VmTraits.InitiallySet) != 0)
            options.Add("DirtyLogInitiallySet = true");
        if ((traits & (VmTraits.Ring | VmTraits.RingBitmap)) != 0)
            options.Add($"DirtyRingEntries = {ProgramStage.RingEntries}");
        if ((traits & VmTraits.RingBitmap) != 0)
            options.Add("DirtyRingWithBitmap = true");
        return string.Join(", ", options);
    }

    private static string? Call(FuzzProgram program, CodeNames names, Op op)
    {
        if (!program.IsAlive(op))
            return null;
        var call = op.Kind.Code(names, op);
        return op.Kind.MayBeRefused ? $"LabWorld.Attempt(() => {call});" : call + ";";
    }
}
