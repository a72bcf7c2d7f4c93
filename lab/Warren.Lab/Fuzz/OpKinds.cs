using Warren.HostMemory;
using Warren.Hypervisor.Slots;
using static Warren.Lab.Fuzz.ArgumentKind;

namespace Warren.Lab.Fuzz;

/// <summary>Every operation there is.</summary>
internal static class OpKinds
{
    internal const string Halt = "halt";

    internal static IReadOnlyList<OpKind> All { get; } = [.. Guests, .. Hosts, .. Vms, .. Setups];

    internal static OpKind? Find(string word) => All.FirstOrDefault(k => k.Word == word);

    private static IEnumerable<OpKind> Guests =>
    [
        Guest("load", [Vm, Gfn], 10, (cpu, gfn, _) => cpu.Load(gfn), (cpu, gfn, _) => $"{cpu}.Load({gfn})"),
        Guest("store", [Vm, Gfn, Value], 10, (cpu, gfn, value) => cpu.Store(gfn, value),
            (cpu, gfn, value) => $"{cpu}.Store({gfn}, {value})"),
        Guest("add", [Vm, Gfn, Value], 2,
            (cpu, gfn, value) => cpu.Run(new GuestInstruction[] { new(GuestOperation.FetchAdd, gfn, value) }),
            (cpu, gfn, value) => Run(cpu, $"FetchAdd, {gfn}, {value}")),
        Guest("fetch", [Vm, Gfn], 4, (cpu, gfn, _) => cpu.Fetch(gfn), (cpu, gfn, _) => $"{cpu}.Fetch({gfn})"),
        Guest("loads", [Vm, Gfn], 6,
            (cpu, gfn, _) => cpu.Run(new GuestInstruction[] { new(GuestOperation.Load, gfn), new(GuestOperation.Load, gfn) }),
            (cpu, gfn, _) => Run(cpu, $"Load, {gfn}", $"Load, {gfn}")),
        Guest("stores", [Vm, Gfn, Value], 6,
            (cpu, gfn, value) => cpu.Run(new GuestInstruction[]
                { new(GuestOperation.Store, gfn, value), new(GuestOperation.Store, gfn, value + 1) }),
            (cpu, gfn, value) => Run(cpu, $"Store, {gfn}, {value}", $"Store, {gfn}, {value + 1}")),
        Guest("load-store", [Vm, Gfn, Value], 4,
            (cpu, gfn, value) => cpu.Run(new GuestInstruction[] { new(GuestOperation.Load, gfn), new(GuestOperation.Store, gfn, value) }),
            (cpu, gfn, value) => Run(cpu, $"Load, {gfn}", $"Store, {gfn}, {value}")),
        Guest("fence", [Vm], 3, (cpu, _, _) => cpu.Fence(), (cpu, _, _) => $"{cpu}.Fence()") with { NeedsTables = true },
        Guest("fence-page", [Vm, Gfn], 2, (cpu, gfn, _) => cpu.Fence(gfn), (cpu, gfn, _) => $"{cpu}.Fence({gfn})") with
        {
            NeedsTables = true,
        },
        Guest("root", [Vm], 1, (cpu, _, _) => LabTables.Use(cpu), (cpu, _, _) => $"LabTables.Use({cpu})") with { NeedsTables = true },
        Guest("turn", [Vm, Last], 3, null, null) with
        {
            NeedsTables = true,
            Do = (stage, op) => LabTables.Turn(stage.Cpu(op), op[1]),
            Code = (names, op) => $"LabTables.Turn({names.Cpu(op)}, {op[1]})",
        },
        Guest("remap", [Vm, Gfn, Gfn], 5, null, null) with
        {
            NeedsTables = true,
            Do = (stage, op) => stage.Tables(op).Remap(stage.Cpu(op), op[1], FuzzProgram.GfnOf(op[2])),
            Code = (names, op) => $"{CodeNames.Tables(op)}.Remap({names.Cpu(op)}, {op[1]}, {CodeNames.Hex(FuzzProgram.GfnOf(op[2]))})",
        },
        Guest("unmap-window", [Vm, Gfn], 2, null, null) with
        {
            NeedsTables = true,
            Do = (stage, op) => stage.Tables(op).Remap(stage.Cpu(op), op[1], 0),
            Code = (names, op) => $"{CodeNames.Tables(op)}.Remap({names.Cpu(op)}, {op[1]}, 0)",
        },
    ];

    private static IEnumerable<OpKind> Hosts =>
    [
        Host("discard", 10, (world, hva, pages) => world.Discard(hva, pages), (hva, pages) => $"world.Discard({hva}, {pages})"),
        Host("unmap", 4, (world, hva, pages) => world.Unmap(hva, pages), (hva, pages) => $"world.Unmap({hva}, {pages})"),
        Host("share", 4, (world, hva, pages) => world.Share(hva, pages), (hva, pages) => $"world.Share({hva}, {pages})"),
        Host("reap", 4, (world, hva, pages) => world.Reap(hva, pages), (hva, pages) => $"world.Reap({hva}, {pages})"),
        Host("notify", 2, (world, hva, pages) => world.Notify(hva, pages), (hva, pages) => $"world.Notify({hva}, {pages})"),
        Host("notify-nested", 1, (world, hva, pages) => world.Notify(hva, pages, between: () => world.Notify(hva)),
            (hva, pages) => $"world.Notify({hva}, {pages}, between: () => world.Notify({hva}))"),
        Host("age", 3, (world, hva, pages) => world.Memory.Age(hva, (ulong)pages * LabWorld.PageSize, clear: true),
            (hva, pages) => $"world.Memory.Age({hva}, {CodeNames.Hex((ulong)pages * LabWorld.PageSize)}, clear: true)"),
        new("protect", [ArgumentKind.Host, More, Protection],
            (stage, op) => stage.World.Protect(stage.Hva(op), (VmaProtection)op[2], op[1] + 1),
            (names, op) => $"world.Protect({names.Hva(op)}, (VmaProtection){op[2]}, {op[1] + 1})", 5) { MayBeRefused = true },
        new("young", [ArgumentKind.Host], (stage, op) => stage.World.Memory.ClearFlushYoung(stage.Hva(op)),
            (names, op) => $"world.Memory.ClearFlushYoung({names.Hva(op)})", 2) { MayBeRefused = true },
        new("write", [ArgumentKind.Host, Value], (stage, op) => stage.World.Write(stage.Hva(op), (byte)op[1]),
            (names, op) => $"world.Write({names.Hva(op)}, {op[1]})", 3) { MayBeRefused = true },
    ];

    private static IEnumerable<OpKind> Vms =>
    [
        new("set", [Vm, Slot, Gfn, More, ArgumentKind.Host, Flags],
            (stage, op) => stage.Vm(op).SetSlot((uint)op[1], FuzzProgram.GfnOf(op[2]), op[3] + 1, stage.Hva(op), (MemslotFlags)op[5]),
            (names, op) => $"{CodeNames.Vm(op)}.SetSlot({op[1]}, {CodeNames.Hex(FuzzProgram.GfnOf(op[2]))}, {op[3] + 1}, {names.Hva(op)}"
                + $"{(op[5] == 0 ? "" : $", (MemslotFlags){op[5]}")})", 12) { MayBeRefused = true },
        OfVm("delete", [Vm, Slot], 8, (vm, slot) => vm.DeleteSlot((uint)slot), "DeleteSlot") with { MayBeRefused = true },
        OfVm("delete-tables", [Vm], 1, (vm, _) => vm.DeleteSlot(LabTables.Slot), $"DeleteSlot({LabTables.Slot})") with
        {
            MayBeRefused = true,
            NeedsTables = true,
        },
        OfVm("get-log", [Vm, Slot], 8, (vm, slot) => vm.GetDirtyLog((uint)slot), "GetDirtyLog") with { MayBeRefused = true },
        OfVm("clear-log", [Vm, Slot], 4, (vm, slot) => ClearLog(vm, (uint)slot), "ClearDirtyLog") with { MayBeRefused = true },
        OfVm("harvest", [Vm], 4, (vm, _) => vm.HarvestRings(), "HarvestRings()") with { MayBeRefused = true },
        OfVm("zap", [Vm], 4, (vm, _) => vm.ZapAll(), "ZapAll()"),
        OfVm("flush", [Vm], 2, (vm, _) => vm.FlushTlbs(), "FlushTlbs()"),
        OfVm("kill", [Vm], 1, (vm, _) => vm.Kill(), "Kill()"),
        OfVm("kick", [Vm], 2, (vm, _) => vm.Kick(), "Kick()"),
        new("device-write", [Vm, Gfn, Value], (stage, op) => stage.Vm(op).WriteGuest(FuzzProgram.GfnOf(op[1]), (ulong)op[2]),
            (_, op) => $"{CodeNames.Vm(op)}.WriteGuest({CodeNames.Hex(FuzzProgram.GfnOf(op[1]))}, {op[2]})", 6),
        new("device-read", [Vm, Gfn], (stage, op) => stage.Vm(op).ReadGuest(FuzzProgram.GfnOf(op[1])),
            (_, op) => $"{CodeNames.Vm(op)}.ReadGuest({CodeNames.Hex(FuzzProgram.GfnOf(op[1]))})", 1),
        new(Halt, [Vm], (stage, op) => stage.Halter(op).Halt(), (names, op) => $"{names.Halter(op)}.Halt()", 2),
        new("drop-table", [Vm, Table], (stage, op) => stage.Tables(op).Drop(op[1]), (_, op) => $"{CodeNames.Tables(op)}.Drop({op[1]})", 2)
        {
            NeedsTables = true,
        },
    ];

    private static IEnumerable<OpKind> Setups =>
    [
        new("as", [ArgumentKind.Thread], (stage, op) => stage.Thread = op[0], (_, _) => "", 4) { IsForSetup = true },
        OfVm("fail", [Vm, Step], 1, (vm, step) => vm.FailNextUpdate(step), "FailNextUpdate") with { IsForSetup = true },
        new("refuse", [ArgumentKind.Host], (stage, op) => stage.World.Refuse(stage.Hva(op)),
            (names, op) => $"world.Refuse({names.Hva(op)})",
            1) { IsForSetup = true },
    ];

    /// <summary>With manual protection: what the log reports is cleared.</summary>
    private static void ClearLog(LabVm vm, uint slot) => vm.ClearDirtyLog(slot);

    private static string Run(string cpu, params string[] instructions) =>
        $"{cpu}.Run(new GuestInstruction[] {{ {string.Join(", ", instructions.Select(i => $"new(GuestOperation.{i})"))} }})";

    private static OpKind Guest(string word, ArgumentKind[] arguments, int weight, Action<LabVcpu, ulong, ulong>? run,
        Func<string, string, int, string>? code) =>
        new(word, arguments, (stage, op) => run!(stage.Cpu(op), stage.Address(op), (ulong)op.Of(Value)),
            (names, op) => code!(names.Cpu(op), names.Address(op), op.Of(Value)), weight)
        { IsGuests = true };

    private static OpKind Host(string word, int weight, Action<LabWorld, Hva, int> run, Func<string, int, string> code) =>
        new(word, [ArgumentKind.Host, More], (stage, op) => run(stage.World, stage.Hva(op), op[1] + 1),
            (names, op) => code(names.Hva(op), op[1] + 1), weight)
        { MayBeRefused = true };

    private static OpKind OfVm(string word, ArgumentKind[] arguments, int weight, Action<LabVm, int> run, string call) =>
        new(word, arguments, (stage, op) => run(stage.Vm(op), op.Arguments.Count > 1 ? op[1] : 0),
            (_, op) => $"{CodeNames.Vm(op)}.{(op.Arguments.Count > 1 ? $"{call}({op[1]})" : call)}", weight);
}
