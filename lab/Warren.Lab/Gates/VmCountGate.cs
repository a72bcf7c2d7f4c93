using Warren.HostMemory;
using Warren.Hypervisor;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>
/// <see cref="GateKind.ActiveCount"/> to the letter of KVM: each VM counts for itself, and finds its slots anew at the end. Right as it stands; what is derived from it is not.
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

    public override void Publish(Memslot? remove, Memslot? add, IRegionPublisher slots)
    {
        using var update = Vm.Memory.Notifiers.BeginUpdate(remove, add);
        _lock.Lock();
        if (Shared.Read(ref _active, this) != 0)
            Await();
        StoreIdle(update, slots);
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

    protected virtual void Uncount()
    {
        if (Drop() == 0)
            _wait.WakeUp();
    }

    protected long Drop()
    {
        _lock.Lock();
        var active = Shared.Read(ref _active, this) - 1;
        Shared.Write(ref _active, active, this);
        _lock.Unlock();
        return active;
    }

    protected void WakeIfLast()
    {
        _lock.Lock();
        var last = Shared.Read(ref _active, this) == 1;
        _lock.Unlock();
        if (last)
            _wait.WakeUp();
    }

    /// <summary>With the lock held, on entry and return, which comes when the count is zero.</summary>
    protected virtual void Await()
    {
        _wait.Prepare();
        do
            SleepUnlocked();
        while (Shared.Read(ref _active, this) != 0);
        _wait.Finish();
    }

    protected void AwaitOnce()
    {
        _wait.Prepare();
        SleepUnlocked();
        _wait.Finish();
    }

    protected void AwaitPreparedLate()
    {
        do
        {
            Unlock();
            _wait.Prepare();
            _wait.Wait();
            _wait.Finish();
            _lock.Lock();
        }
        while (Shared.Read(ref _active, this) != 0);
    }

    /// <summary>With the lock held; drops it when all is stored.</summary>
    protected virtual void StoreIdle(in RegionUpdate update, IRegionPublisher slots)
    {
        Store(update, slots);
        Unlock();
    }

    protected void Unlock() => _lock.Unlock();

    private void SleepUnlocked()
    {
        Unlock();
        _wait.Wait();
        _lock.Lock();
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

/// <summary>The slots are looked up, and the VM is entered, before the notification is counted: an update in between waits for nobody.</summary>
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

/// <summary>The update drops the lock once the count is zero, and stores then: a start slips in between, and acts on the old slots.</summary>
internal sealed class PublishUnlockedGate(VirtualMachine vm) : VmCountGate(vm)
{
    protected override void StoreIdle(in RegionUpdate update, IRegionPublisher slots)
    {
        Unlock();
        Store(update, slots);
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

/// <summary>The last end wakes the update, and lowers the count then: the update looks, finds one, and sleeps for good.</summary>
internal sealed class WakeBeforeUncountGate(VirtualMachine vm) : VmCountGate(vm)
{
    protected override void Uncount()
    {
        WakeIfLast();
        Drop();
    }
}

/// <summary>The update looks at the count once, and not again when it is woken: another notification may have begun meanwhile.</summary>
internal sealed class NoRecheckGate(VirtualMachine vm) : VmCountGate(vm)
{
    protected override void Await() => AwaitOnce();
}

/// <summary>The update announces itself after it has let go of the lock: the last end comes in between and sees nobody to wake.</summary>
internal sealed class PrepareLateGate(VirtualMachine vm) : VmCountGate(vm)
{
    protected override void Await() => AwaitPreparedLate();
}
