using Warren.Hypervisor;
using Warren.Hypervisor.Vcpus;

namespace Warren.Scripted;

/// <summary>
/// A vCPU to be driven access by access: each call runs the vCPU until that one instruction is done, so that guest accesses can stand
/// between host operations in straight code. For loops inside the guest give <see cref="Engine"/> a program.
/// </summary>
public sealed class ScriptedVcpu
{
    private readonly OneInstruction _one = new();

    /// <param name="vm">whose vCPU it is</param>
    /// <param name="setsAccessedDirty">as for <see cref="ScriptedEngine"/></param>
    public ScriptedVcpu(VirtualMachine vm, bool setsAccessedDirty = true)
    {
        ArgumentNullException.ThrowIfNull(vm);
        Engine = new ScriptedEngine(setsAccessedDirty: setsAccessedDirty);
        Vcpu = vm.CreateVcpu(Engine);
    }

    public ScriptedEngine Engine { get; }
    public Vcpu Vcpu { get; }

    /// <summary>How the last access went.</summary>
    public GuestAccessResult Result { get; private set; }

    /// <summary>Why the vCPU last came back; EnvironmentCall after an instruction that was executed.</summary>
    public VcpuExitReason LastExit { get; private set; }

    public T Load<T>(ulong address) where T : unmanaged
    {
        T value = default;
        Do(cpu => value = cpu.Load<T>(address));
        return value;
    }

    public void Store<T>(ulong address, T value) where T : unmanaged => Do(cpu => cpu.Store(address, value));

    public ulong CompareExchange(ulong address, ulong value, ulong comparand)
    {
        ulong found = 0;
        Do(cpu => found = cpu.CompareExchange(address, value, comparand));
        return found;
    }

    public uint Fetch(ulong address)
    {
        uint word = 0;
        Do(cpu => word = cpu.Fetch(address));
        return word;
    }

    public ulong FetchAdd(ulong address, ulong addend)
    {
        ulong found = 0;
        Do(cpu => found = cpu.FetchAdd(address, addend));
        return found;
    }

    /// <inheritdoc cref="ScriptedEngine.SetGuestRoot"/>
    public void SetGuestRoot(GuestRoot root) => Do(cpu => cpu.SetGuestRoot(root));

    /// <inheritdoc cref="ScriptedEngine.FenceTables()"/>
    public void FenceTables() => Do(cpu => cpu.FenceTables());

    /// <inheritdoc cref="ScriptedEngine.FenceTables(ulong)"/>
    public void FenceTables(ulong address) => Do(cpu => cpu.FenceTables(address));

    /// <summary>
    /// Runs one instruction to its end. A VM that is dead or broken, or a full dirty ring, ends it undone: see <see cref="LastExit"/>.
    /// </summary>
    public void Do(Action<ScriptedEngine> instruction)
    {
        _one.Action = instruction;
        Engine.Program = _one;
        do
        {
            long budget = 1;
            LastExit = Vcpu.Run(ref budget).Reason;
        }
        while (LastExit is VcpuExitReason.Interrupted or VcpuExitReason.Budget);
        Result = LastExit == VcpuExitReason.EnvironmentCall ? Engine.Result : GuestAccessResult.Stopped;
    }

    private sealed class OneInstruction : IGuestProgram
    {
        public Action<ScriptedEngine> Action = null!;

        public GuestStep Step(ScriptedEngine cpu)
        {
            Action(cpu);
            return GuestStep.Done;
        }
    }
}
