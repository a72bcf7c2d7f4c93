namespace Warren.Hypervisor;

/// <summary>
/// A vCPU to be driven access by access: each call runs the vCPU until that one instruction is done, so that guest accesses can stand between host operations
/// in straight code. For loops inside the guest give <see cref="Engine"/> a program.
/// </summary>
public sealed class ScriptedVcpu
{
    private readonly OneInstruction _one = new();

    public ScriptedVcpu(VirtualMachine vm)
    {
        ArgumentNullException.ThrowIfNull(vm);
        Engine = new ScriptedEngine();
        Vcpu = vm.CreateVcpu(Engine);
    }

    public ScriptedEngine Engine { get; }
    public Vcpu Vcpu { get; }

    /// <summary>How the last access went.</summary>
    public GuestAccessResult Result { get; private set; }

    /// <summary>Why the vCPU last came back; EnvironmentCall after an instruction that was executed.</summary>
    public VcpuExitReason LastExit { get; private set; }

    public T Load<T>(ulong gpa) where T : unmanaged
    {
        T value = default;
        Do(cpu => value = cpu.Load<T>(gpa));
        return value;
    }

    public void Store<T>(ulong gpa, T value) where T : unmanaged => Do(cpu => cpu.Store(gpa, value));

    public ulong CompareExchange(ulong gpa, ulong value, ulong comparand)
    {
        ulong found = 0;
        Do(cpu => found = cpu.CompareExchange(gpa, value, comparand));
        return found;
    }

    public uint Fetch(ulong gpa)
    {
        uint word = 0;
        Do(cpu => word = cpu.Fetch(gpa));
        return word;
    }

    /// <summary>Runs one instruction to its end. A VM that is dead or broken, or a full dirty ring, ends it undone: see <see cref="LastExit"/>.</summary>
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
