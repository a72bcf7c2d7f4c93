using Warren.Hypervisor;
using Warren.Hypervisor.Vcpus;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>The operation of a scripted instruction of a <see cref="LabVcpu"/>.</summary>
public enum GuestOperation
{
    Load,
    Store,
    Fetch,
    FetchAdd,
    /// <summary>The guest's fence after it has changed its tables: for one page if the offset is not 0, for all otherwise.</summary>
    Fence,
    /// <summary>The guest takes the table at the page for its root, of three levels; 0: it does without translation.</summary>
    SetRoot,
}

/// <param name="Operation">What it does.</param>
/// <param name="Gfn">To which page: of guest virtual memory once the vCPU has a root, which tables map as they will.</param>
/// <param name="Value">The value stored or added.</param>
/// <param name="Offset">Byte offset within the page, a multiple of 8.</param>
public readonly record struct GuestInstruction(GuestOperation Operation, ulong Gfn, ulong Value = 0, int Offset = 0);

/// <summary>
/// A vCPU of a <see cref="LabVm"/>: guest accesses through the TLB, faults, modes and requests of the production code. While one is under
/// way the oracles know which page it means.
/// </summary>
public sealed class LabVcpu : IGuestProgram
{
    private readonly GuestInstruction[] _one = new GuestInstruction[1];
    private ReadOnlyMemory<GuestInstruction> _program;
    private int _at;

    internal LabVcpu(LabWorld world, LabVm vm)
    {
        _ = world;
        Vm = vm;
        Engine = new ScriptedEngine(this);
        Vcpu = vm.Vm.CreateVcpu(Engine);
    }

    public LabVm Vm { get; }

    public ScriptedEngine Engine { get; }

    public Vcpu Vcpu { get; }

    /// <summary>How the last access went.</summary>
    public GuestAccessResult Result { get; private set; }

    /// <summary>The value that the last load or fetch found.</summary>
    public ulong Value { get; private set; }

    /// <summary>It has executed a fetch.</summary>
    internal bool HasFetched { get; private set; }

    /// <summary>Why the vCPU last came back; EnvironmentCall when it executed everything.</summary>
    public VcpuExitReason LastExit { get; private set; }

    /// <summary>The thread that executes an instruction on it now, or -1.</summary>
    internal int AccessingThread { get; private set; } = -1;

    /// <summary>The instruction being executed, while <see cref="AccessingThread"/> is set.</summary>
    internal GuestInstruction Current => _program.Span[_at];

    public ulong Load(ulong gfn, int offset = 0) => One(new(GuestOperation.Load, gfn, 0, offset));

    public void Store(ulong gfn, ulong value, int offset = 0) => One(new(GuestOperation.Store, gfn, value, offset));

    public uint Fetch(ulong gfn, int offset = 0) => (uint)One(new(GuestOperation.Fetch, gfn, 0, offset));

    /// <inheritdoc cref="GuestOperation.Fence"/>
    public void Fence() => One(new(GuestOperation.Fence, 0));

    /// <summary>As <see cref="Fence()"/>, for one page.</summary>
    public void Fence(ulong page) => One(new(GuestOperation.Fence, page, 0, 1));

    /// <inheritdoc cref="GuestOperation.SetRoot"/>
    public void SetRoot(ulong gfn) => One(new(GuestOperation.SetRoot, gfn));

    /// <summary>Its addresses are looked up in tables of the guest.</summary>
    internal bool Translates => Engine.Root.Levels != 0;

    /// <summary>
    /// Executes the instructions in one stay in guest mode, unless something ends it. A dead or broken VM, or a full dirty ring, leaves the
    /// rest undone.
    /// </summary>
    public void Run(ReadOnlyMemory<GuestInstruction> program)
    {
        _program = program;
        _at = 0;
        do
        {
            var budget = long.MaxValue;
            LastExit = Vcpu.Run(ref budget).Reason;
            Check.AssertNoneHeld();
        }
        while (LastExit is VcpuExitReason.Interrupted or VcpuExitReason.Budget);
        if (LastExit != VcpuExitReason.EnvironmentCall)
            Result = GuestAccessResult.Stopped;
    }

    GuestStep IGuestProgram.Step(ScriptedEngine cpu)
    {
        var instruction = _program.Span[_at];
        var gpa = (instruction.Gfn * LabWorld.PageSize) + (ulong)instruction.Offset;
        AccessingThread = LabWorld.CurrentThread;
        switch (instruction.Operation)
        {
            case GuestOperation.Load:
                Value = cpu.Load<ulong>(gpa);
                break;
            case GuestOperation.Store:
                cpu.Store(gpa, instruction.Value);
                break;
            case GuestOperation.Fence:
                if (instruction.Offset == 0)
                    cpu.FenceTables();
                else
                    cpu.FenceTables(instruction.Gfn * LabWorld.PageSize);
                break;
            case GuestOperation.SetRoot:
                cpu.SetGuestRoot(instruction.Gfn == 0 ? default : new GuestRoot(3, new Gfn(instruction.Gfn)));
                break;
            case GuestOperation.Fetch:
                HasFetched = true;
                Value = cpu.Fetch(gpa);
                break;
            default:
                Value = cpu.FetchAdd(gpa, instruction.Value);
                break;
        }

        AccessingThread = -1;
        if (cpu.Stopped)
            return GuestStep.Continue;
        Result = cpu.Result;
        return ++_at == _program.Length ? GuestStep.Done : GuestStep.Continue;
    }

    private ulong One(in GuestInstruction instruction)
    {
        _one[0] = instruction;
        Run(_one);
        return Value;
    }
}
