using Warren.HostMemory;
using Warren.Hypervisor;
using Warren.Hypervisor.Invalidation;
using Warren.Hypervisor.Slots;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>
/// <see cref="GateKind.ActiveCount"/> to the letter of KVM: each VM counts for itself, and finds its slots anew at the end. Right as it
/// stands; what is derived from it is not.
/// </summary>
internal class VmCountGate(VirtualMachine vm) : LabGate(vm)
{
    private readonly SpinLock _lock = new(LabLocks.VmActiveCount);
    private readonly RcuWait _wait = new(LabLocks.VmUpdateWait);
    private long _active;

    protected override void Start(in MmuNotifierRange range, RegionBuffer found)
    {
        Count();
        Hit(range, found);
    }

    protected override void End(in MmuNotifierRange range, RegionBuffer found)
    {
        Missed(range, found);
        Uncount();
    }

    public override void Publish(Memslot? remove, Memslot? add, ISlotsPublisher slots)
    {
        using var update = Vm.Memory.Notifiers.BeginUpdate(remove, add);
        _lock.Lock();
        if (Shared.Read(ref _active, this) != 0)
        {
            _wait.Prepare();
            do
            {
                _lock.Unlock();
                _wait.Wait();
                _lock.Lock();
            }
            while (Shared.Read(ref _active, this) != 0);
            _wait.Finish();
        }

        Store(update, slots);
        _lock.Unlock();
    }

    protected bool Hit(in MmuNotifierRange range, RegionBuffer found)
    {
        var hit = Find(range, found);
        if (!hit.IsEmpty)
            Enter(range, hit);
        return !hit.IsEmpty;
    }

    protected bool Missed(in MmuNotifierRange range, RegionBuffer found)
    {
        var hit = !Find(range, found).IsEmpty;
        if (hit)
            Leave();
        return hit;
    }

    protected void Count()
    {
        _lock.Lock();
        Shared.Write(ref _active, Shared.Read(ref _active, this) + 1, this);
        _lock.Unlock();
    }

    protected void Uncount()
    {
        _lock.Lock();
        var active = Shared.Read(ref _active, this) - 1;
        Shared.Write(ref _active, active, this);
        _lock.Unlock();
        // Outside the lock: the woken updater takes it first thing.
        if (active == 0)
            _wait.WakeUp();
    }
}

/// <summary>Only notifications that hit a slot are counted: an update does not wait for one whose end will find the new slot.</summary>
internal sealed class CountRelatedOnlyGate(VirtualMachine vm) : VmCountGate(vm)
{
    protected override void Start(in MmuNotifierRange range, RegionBuffer found)
    {
        if (Find(range, found).IsEmpty)
            return;
        Count();
        Hit(range, found);
    }

    protected override void End(in MmuNotifierRange range, RegionBuffer found)
    {
        if (Missed(range, found))
            Uncount();
    }
}

/// <summary>
/// The slots are looked up, and the VM is entered, before the notification is counted: an update in between waits for nobody.
/// </summary>
internal sealed class CountAfterLookupGate(VirtualMachine vm) : VmCountGate(vm)
{
    protected override void Start(in MmuNotifierRange range, RegionBuffer found)
    {
        Hit(range, found);
        Count();
    }
}

/// <summary>Non-blockable notifications are not counted, on the ground that they are short.</summary>
internal sealed class CountBlockableOnlyGate(VirtualMachine vm) : VmCountGate(vm)
{
    protected override void Start(in MmuNotifierRange range, RegionBuffer found)
    {
        if (range.Blockable)
            Count();
        Hit(range, found);
    }

    protected override void End(in MmuNotifierRange range, RegionBuffer found)
    {
        Missed(range, found);
        if (range.Blockable)
            Uncount();
    }
}

/// <summary>The end stops counting before it looks for the slots to leave: the update that it lets through changes them.</summary>
internal sealed class UncountBeforeLeaveGate(VirtualMachine vm) : VmCountGate(vm)
{
    protected override void End(in MmuNotifierRange range, RegionBuffer found)
    {
        Uncount();
        Missed(range, found);
    }
}
