using Warren.HostMemory;
using Warren.Hypervisor;
using Warren.Hypervisor.Slots;
using Warren.Hypervisor.Vcpus;

namespace Warren.Bench;

/// <summary>A VM with one slot of guest memory at <see cref="Base"/> and scripted vCPUs, for the benchmarks of the memory half.</summary>
internal sealed class GuestMemory : IDisposable
{
    public const ulong Base = 1UL << 30;
    public const ulong PageSize = 4096;

    private readonly FramePool _pool;
    private readonly AddressSpace _memory;

    public GuestMemory(ulong pages, bool hugePages, MemslotFlags flags = MemslotFlags.None)
    {
        _pool = new FramePool((long)(pages * PageSize) + (64 << 20));
        _memory = new AddressSpace(_pool);
        var hva = _memory.Map(pages * PageSize, VmaProtection.Read | VmaProtection.Write, hugePages: hugePages);
        Vm = new VirtualMachine(_memory, new VmOptions { HugePages = hugePages });
        Vm.SetUserMemoryRegion(new UserMemoryRegion
        { Slot = 0, Flags = flags, GuestPhysicalAddress = new Gpa(Base), MemorySize = pages * PageSize, UserspaceAddress = hva });
    }

    public VirtualMachine Vm { get; }

    /// <summary>
    /// A vCPU that writes one word to each of <paramref name="pages"/> pages, <paramref name="stride"/> pages apart, and is done.
    /// </summary>
    public Vcpu Writer(ulong firstPage, ulong pages, ulong stride = 1) =>
        Vm.CreateVcpu(new ScriptedEngine(new PageWriter(firstPage, pages, stride)));

    /// <summary>Runs until the script is done.</summary>
    public static void RunToEnd(Vcpu vcpu)
    {
        while (true)
        {
            var budget = long.MaxValue;
            var exit = vcpu.Run(ref budget);
            if (exit.Reason == VcpuExitReason.EnvironmentCall) return;
            if (exit.Reason is not (VcpuExitReason.Interrupted or VcpuExitReason.Budget))
                throw new InvalidOperationException($"The scripted vCPU ended with {exit.Reason}.");
        }
    }

    public void Dispose()
    {
        Vm.Dispose();
        _memory.Dispose();
        _pool.Dispose();
    }

    internal sealed class PageWriter(ulong firstPage, ulong pages, ulong stride) : IGuestProgram
    {
        private ulong _next;

        public GuestStep Step(ScriptedEngine cpu)
        {
            cpu.Store(Base + ((firstPage + (_next * stride)) * PageSize), _next);
            if (cpu.Stopped) return GuestStep.Continue;
            if (++_next < pages) return GuestStep.Continue;
            _next = 0;
            return GuestStep.Done;
        }
    }
}
