using System.Threading;
using Warren.HostMemory;
using Warren.Hypervisor;
using Warren.Hypervisor.Invalidation;
using Warren.Hypervisor.Slots;

namespace Warren.Lab;

/// <summary>An address space with some VMs of one gate, and the things that are done to the first.</summary>
internal sealed class MeasureWorld : IDisposable
{
    private const ulong PageSize = FramePool.PageSize;
    private const int GuestPages = 64;

    /// <summary>The work of a host between a start and an end: rounds of pause instructions, some microseconds.</summary>
    private const int HostWork = 100;

    private readonly FramePool _pool = new(64 << 20);
    private readonly AddressSpace _memory;
    private readonly List<VirtualMachine> _vms = [];
    private readonly ScriptedVcpu _vcpu;
    private readonly Hva _guest;
    private readonly Hva _elsewhere;
    private readonly Hva _updated;
    private bool _stop;
    private bool _present;
    private ulong _nextFault;
    private ulong _nextRelated;

    public MeasureWorld(GateKind gate, int vms)
    {
        _memory = new AddressSpace(_pool);
        _guest = Map(GuestPages);
        _elsewhere = Map(64);
        _updated = Map(1);
        for (var i = 0; i < vms; i++)
        {
            var vm = new VirtualMachine(_memory, new VmOptions { HugePages = false, Gate = gate });
            vm.SetUserMemoryRegion(new UserMemoryRegion
            { MemorySize = GuestPages * PageSize, UserspaceAddress = i == 0 ? _guest : Map(GuestPages) });
            _vms.Add(vm);
        }

        _vcpu = new ScriptedVcpu(_vms[0]);
    }

    public bool Stop
    {
        get => Volatile.Read(ref _stop);
        set => Volatile.Write(ref _stop, value);
    }

    public int InvalidateUnrelated()
    {
        Notify(_elsewhere, 0);
        return 1;
    }

    /// <summary>The same page of the host's work between start and end, by a thread of its own.</summary>
    public int Storm(int thread)
    {
        Notify(_elsewhere + ((ulong)(thread % 64) * PageSize), HostWork);
        return 1;
    }

    public int InvalidateRelated()
    {
        // Pages that the vCPU does not use: each of its faults is due to its own round.
        Notify(_guest + ((GuestPages / 2 + (_nextRelated++ % (GuestPages / 2))) * PageSize), 0);
        return 1;
    }

    /// <summary>The vCPU uses a page; after the last one all are zapped, and it begins anew.</summary>
    public int Fault()
    {
        var gfn = _nextFault++ % (GuestPages / 2);
        if (gfn == 0)
            _vms[0].ZapGfnRange(0, new Gfn(0), new Gfn(GuestPages / 2));
        _vcpu.Load<ulong>(gfn * PageSize);
        return 1;
    }

    public int Update()
    {
        _present = !_present;
        _vms[0].SetUserMemoryRegion(new UserMemoryRegion
        {
            Slot = 1,
            GuestPhysicalAddress = new Gpa(1 << 30),
            MemorySize = _present ? PageSize : 0,
            UserspaceAddress = _updated,
        });
        return 1;
    }

    public void Dispose()
    {
        foreach (var vm in _vms)
            vm.Dispose();
        _memory.Dispose();
        _pool.Dispose();
    }

    private Hva Map(int pages) => _memory.Map((ulong)pages * PageSize, VmaProtection.Read | VmaProtection.Write, hugePages: false);

    private void Notify(Hva hva, int work)
    {
        if (!_memory.Notifiers.TryStart(new MmuNotifierRange(hva, hva + PageSize, MmuNotifierEvent.Clear), out var invalidation))
            return;
        if (work != 0)
            Thread.SpinWait(work);
        _memory.Notifiers.End(invalidation);
    }
}
