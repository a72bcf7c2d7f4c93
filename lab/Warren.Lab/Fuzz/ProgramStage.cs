using Warren.HostMemory;
using Warren.Hypervisor;
using Warren.Hypervisor.Invalidation;
using Warren.Hypervisor.Paging;

namespace Warren.Lab.Fuzz;

/// <summary>A program on its stage, as one of its threads sees it: the objects that its operations name.</summary>
internal sealed class ProgramStage
{
    internal const int LimitedPages = 6;
    internal const uint RingEntries = 128;

    private readonly FuzzProgram _program;
    private readonly Hva _pages;
    private readonly Hva _file;
    private readonly LabVm[] _vms;
    private readonly LabTables?[] _tables;
    private readonly LabVcpu?[,] _vcpus;
    private readonly LabHalter?[,] _halters;

    internal ProgramStage(FuzzProgram program, Schedule schedule)
    {
        _program = program;
        World = new LabWorld(schedule);
        _pages = World.Map(program.Pages);
        if (program.FilePages > 0)
            _file = World.MapFile(program.FilePages);
        _vms = new LabVm[program.Vms.Count];
        _tables = new LabTables?[_vms.Length];
        _vcpus = new LabVcpu?[_vms.Length, program.Threads.Count];
        _halters = new LabHalter?[_vms.Length, program.Threads.Count];
        for (var i = 0; i < _vms.Length; i++)
            Add(i, schedule);
    }

    private ProgramStage(ProgramStage shared, int thread)
    {
        (World, Thread) = (shared.World, thread);
        (_program, _pages, _file) = (shared._program, shared._pages, shared._file);
        (_vms, _tables, _vcpus, _halters) = (shared._vms, shared._tables, shared._vcpus, shared._halters);
    }

    internal LabWorld World { get; }

    /// <summary>On whose vCPUs guest code is executed.</summary>
    internal int Thread { get; set; }

    internal ProgramStage For(int thread) => new(this, thread);

    internal LabVm Vm(Op op) => _vms[op.Of(ArgumentKind.Vm)];

    internal LabVcpu Cpu(Op op) => _vcpus[op.Of(ArgumentKind.Vm), Thread]!;

    internal LabHalter Halter(Op op) => _halters[op.Of(ArgumentKind.Vm), Thread]!;

    internal LabTables Tables(Op op) => _tables[op.Of(ArgumentKind.Vm)]!;

    /// <summary>The page that the guest's instruction names: of its physical memory, or a window.</summary>
    internal ulong Address(Op op) => op.Of(ArgumentKind.Gfn) is var number && _tables[op.Of(ArgumentKind.Vm)] is null
        ? FuzzProgram.GfnOf(number) : LabTables.Windows + (ulong)number;

    internal Hva Hva(Op op)
    {
        var page = op.Of(ArgumentKind.Host);
        return page < _program.Pages ? _pages + ((ulong)page * LabWorld.PageSize)
            : _file + ((ulong)(page - _program.Pages) * LabWorld.PageSize);
    }

    internal void Do(Op op)
    {
        if (!_program.IsAlive(op))
            return;
        if (op.Kind.MayBeRefused)
            LabWorld.Attempt(() => op.Kind.Do(this, op));
        else
            op.Kind.Do(this, op);
    }

    internal static VmOptions Options(VmTraits traits) => new()
    {
        HugePages = false,
        Mmu = (traits & VmTraits.Shadow) != 0 ? MmuKind.Shadow : MmuKind.Tdp,
        ManualDirtyLogProtect = (traits & VmTraits.Manual) != 0,
        DirtyLogInitiallySet = (traits & VmTraits.InitiallySet) != 0,
        DirtyRingEntries = (traits & (VmTraits.Ring | VmTraits.RingBitmap)) != 0 ? RingEntries : 0,
        DirtyRingWithBitmap = (traits & VmTraits.RingBitmap) != 0,
    };

    private void Add(int index, Schedule schedule)
    {
        var traits = _program.Vms[index];
        var users = _program.VcpusOf(index);
        var vm = _vms[index] =
            World.AddVm(users.Count, Options(traits), (traits & VmTraits.ActiveCount) != 0 ? GateKind.ActiveCount : null);
        for (var i = 0; i < users.Count; i++)
            _vcpus[index, users[i]] = vm.Vcpus[i];
        if ((traits & VmTraits.Limited) != 0)
            vm.LimitShadowPages(LimitedPages);
        if ((traits & VmTraits.Impatient) != 0)
            vm.LosePatience();
        if ((traits & VmTraits.Tables) != 0)
        {
            _tables[index] = new LabTables(World, vm, [.. Enumerable.Range(0, FuzzProgram.Gfns).Select(FuzzProgram.GfnOf)],
                (traits & VmTraits.Unmarked) == 0);
            foreach (var vcpu in vm.Vcpus)
                LabTables.Use(vcpu);
        }

        foreach (var thread in _program.HaltersOf(index))
            _halters[index, thread] = new LabHalter(schedule, vm);
    }
}
