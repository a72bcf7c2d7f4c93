using Warren.HostMemory;
using Warren.Hypervisor;
using Warren.Hypervisor.DirtyLogging;
using Warren.Hypervisor.Slots;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>A VM of a <see cref="LabWorld"/>: calls into it leave word with the oracles of what they are about.</summary>
public sealed class LabVm
{
    private static readonly MemslotStep[] s_failing =
    [
        MemslotStep.ReserveId, MemslotStep.AllocateSlot, MemslotStep.AllocateBitmap, MemslotStep.PrepareMmu, MemslotStep.AllocateRmaps,
        MemslotStep.Publish,
    ];

    private readonly LabWorld _world;
    private readonly int _number;
    private bool _disposed;

    internal LabVm(LabWorld world, VirtualMachine vm)
    {
        _world = world;
        _number = world.VmList.Count;
        Vm = vm;
    }

    public VirtualMachine Vm { get; }

    public IReadOnlyList<LabVcpu> Vcpus => VcpuList;

    internal List<LabVcpu> VcpuList { get; } = [];

    /// <summary>Every gfn that a slot has held.</summary>
    internal List<Gfn> Gfns { get; } = [];

    internal bool IsDisposed => _disposed;

    /// <summary>Its guest's tables, where it has some.</summary>
    internal LabTables? Tables { get; set; }

    /// <summary>An allocation is made to fail, which may be one that the VM cannot do without.</summary>
    internal bool RunsOutOfMemory { get; private set; }

    public LabVcpu AddVcpu()
    {
        var vcpu = new LabVcpu(_world, this);
        VcpuList.Add(vcpu);
        return vcpu;
    }

    /// <summary>
    /// Creates or moves a slot or changes its flags, of so many pages from <paramref name="gfn"/> over those from <paramref name="hva"/>.
    /// </summary>
    /// <exception cref="MemslotException">As <see cref="VirtualMachine.SetUserMemoryRegion"/>.</exception>
    public void SetSlot(uint id, ulong gfn, int pages, Hva hva, MemslotFlags flags = MemslotFlags.None)
    {
        for (var i = 0UL; i < (ulong)pages; i++)
        {
            if (!Gfns.Contains(new Gfn(gfn + i)))
                Gfns.Add(new Gfn(gfn + i));
        }

        Set(new UserMemoryRegion
        {
            Slot = id,
            Flags = flags,
            GuestPhysicalAddress = new Gpa(gfn * LabWorld.PageSize),
            MemorySize = (ulong)pages * LabWorld.PageSize,
            UserspaceAddress = hva,
        });
    }

    /// <exception cref="MemslotException">As <see cref="VirtualMachine.SetUserMemoryRegion"/>.</exception>
    public void DeleteSlot(uint id) => Set(new UserMemoryRegion { Slot = id });

    /// <summary>KVM_GET_DIRTY_LOG, for a slot of at most 64 pages.</summary>
    public ulong GetDirtyLog(uint slot)
    {
        Span<ulong> bitmap = stackalloc ulong[1];
        Vm.GetDirtyLog(slot, bitmap);
        Check.AssertNoneHeld();
        // With manual protection nothing was taken: the pages count as harvested once they are cleared.
        if (!Vm.Options.ManualDirtyLogProtect)
            _world.Dirty.Harvested(this, slot, bitmap[0]);
        return bitmap[0];
    }

    /// <summary>KVM_CLEAR_DIRTY_LOG, for a slot of at most 64 pages.</summary>
    public void ClearDirtyLog(uint slot, ulong pages, ulong bits)
    {
        Vm.ClearDirtyLog(slot, 0, pages, [bits]);
        Check.AssertNoneHeld();
        _world.Dirty.Harvested(this, slot, bits);
    }

    /// <summary>Clears what <see cref="GetDirtyLog"/> reports now.</summary>
    public void ClearDirtyLog(uint slot)
    {
        var bits = GetDirtyLog(slot);
        foreach (var memslot in Vm.GetMemslots(0))
        {
            if (memslot.Id == slot)
                ClearDirtyLog(slot, memslot.NPages, bits);
        }
    }

    /// <summary>A device writes to guest memory.</summary>
    public bool WriteGuest(ulong gfn, ulong value, int offset = 0)
    {
        _world.Dirty.HostWriteBegins(this, new Gfn(gfn));
        var done = Vm.WriteGuest(new Gpa((gfn * LabWorld.PageSize) + (ulong)offset), BitConverter.GetBytes(value));
        Check.AssertNoneHeld();
        _world.Dirty.HostWriteEnded(this, new Gfn(gfn), done);
        return done;
    }

    /// <summary>A device reads guest memory; null when nothing backs it.</summary>
    public ulong? ReadGuest(ulong gfn, int offset = 0)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        var done = Vm.ReadGuest(new Gpa((gfn * LabWorld.PageSize) + (ulong)offset), bytes);
        Check.AssertNoneHeld();
        return done ? BitConverter.ToUInt64(bytes) : null;
    }

    /// <summary>Harvests every vCPU's ring and resets them (KVM_RESET_DIRTY_RINGS).</summary>
    /// <returns>Entries given back.</returns>
    public int HarvestRings()
    {
        var entries = new List<DirtyGfn>();
        Span<DirtyGfn> some = stackalloc DirtyGfn[8];
        foreach (var vcpu in VcpuList)
        {
            for (int count; (count = Vm.HarvestDirtyRing(vcpu.Vcpu, some)) > 0;)
                entries.AddRange(some[..count]);
        }

        var reset = Vm.ResetDirtyRings();
        Check.AssertNoneHeld();
        _world.Dirty.Harvested(this, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(entries));
        return reset;
    }

    /// <summary>Makes every root obsolete and frees what hangs on it, as a deletion of a slot does.</summary>
    public void ZapAll()
    {
        Vm.SlotsLock.Lock();
        Vm.Mmu.ZapAllFast();
        Vm.SlotsLock.Unlock();
        Check.AssertNoneHeld();
    }

    /// <summary>Has every vCPU drop its TLB.</summary>
    public void FlushTlbs()
    {
        Vm.FlushRemoteTlbs();
        Check.AssertNoneHeld();
    }

    /// <summary>KVM_REQ_VM_DEAD.</summary>
    public void Kill()
    {
        Vm.Kill("The scenario kills the VM.");
        Check.AssertNoneHeld();
    }

    /// <summary>Kicks every vCPU.</summary>
    public void Kick()
    {
        foreach (var vcpu in Vm.VcpuArray)
            vcpu.Kick();
    }

    /// <summary>
    /// From now on faults, and writes of the host, look their page up under mmu_lock at once, as those do that were sent back often.
    /// </summary>
    public void LosePatience() => Vm.OptimisticRetries = 0;

    /// <summary>At most so many shadow pages, where the VM has a shadow MMU.</summary>
    public void LimitShadowPages(int pages)
    {
        if (Vm.Mmu is ShadowMmu shadow)
            shadow.PageLimit = pages;
    }

    /// <summary>The next update of a slot that comes to a step that can fail runs out of memory there.</summary>
    /// <param name="step">Which, from 0: the id, the slot, its bitmap, its part of the MMU, its reverse maps, the sets.</param>
    public void FailNextUpdate(int step)
    {
        var failing = s_failing[step];
        RunsOutOfMemory = true;
        Vm.MemslotHook = at =>
        {
            if (at != failing)
                return null;
            Vm.MemslotHook = null;
            return Errno.ENOMEM;
        };
    }

    public override string ToString() => $"VM {_number}";

    public void Dispose()
    {
        if (_disposed)
            return;
        Vm.Dispose();
        _disposed = true;
        Check.AssertNoneHeld();
    }

    /// <summary>After threads were stopped in the middle: gives back native memory and takes no lock.</summary>
    internal void Abandon()
    {
        if (!_disposed)
            Vm.Mmu.Abandon();
        _disposed = true;
    }

    private void Set(in UserMemoryRegion region)
    {
        _world.Dirty.SlotChanges(this, region);
        var done = false;
        try
        {
            Vm.SetUserMemoryRegion(region);
            done = true;
        }
        finally
        {
            // On success and on every error.
            Check.AssertNoneHeld();
            _world.Dirty.SlotChanged(this, region, done);
        }
    }
}
