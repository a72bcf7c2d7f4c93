using Warren.HostMemory;
using Warren.Hypervisor;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>A VM with one slot at guest address 0 over anonymous memory, and the questions that end a schedule.</summary>
internal sealed class SmallMachine
{
    private readonly Schedule _schedule;

    internal SmallMachine(Schedule schedule, int pages, VmOptions? options = null, MemslotFlags flags = MemslotFlags.None, bool withSlot = true)
    {
        _schedule = schedule;
        Pages = pages;
        Pool = new FramePool(4 << 20);
        Memory = new AddressSpace(Pool);
        BaseHva = Memory.Map((ulong)pages * VirtualMachine.PageSize, VmaProtection.Read | VmaProtection.Write, hugePages: false);
        Vm = new VirtualMachine(Memory, options);
        if (withSlot)
            Vm.SetUserMemoryRegion(Region(flags));
        schedule.Cleanup(Dispose);
        schedule.Monitor(new FreedFrameMonitor(schedule, Pool));
    }

    internal int Pages { get; }

    internal FramePool Pool { get; }

    internal AddressSpace Memory { get; }

    internal VirtualMachine Vm { get; }

    internal ulong BaseHva { get; }

    internal ulong Hva(int page) => BaseHva + ((ulong)page * VirtualMachine.PageSize);

    internal UserMemoryRegion Region(MemslotFlags flags = MemslotFlags.None, uint slot = 0, ulong gpa = 0) => new()
    {
        Slot = slot,
        Flags = flags,
        GuestPhysicalAddress = gpa,
        MemorySize = (ulong)Pages * VirtualMachine.PageSize,
        UserspaceAddress = BaseHva,
    };

    internal ScriptedVcpu AddVcpu() => new(Vm);

    internal void Prefault(int page) => Memory.Write(Hva(page), [0]);

    internal void Discard(int page) => Memory.Discard(Hva(page), VirtualMachine.PageSize);

    /// <summary>When all is quiet, what the guest sees is what the host has, counts are zero, and no SPTE maps a frame the host does not.</summary>
    internal void CheckAgreement(params ScriptedVcpu[] cpus)
    {
        _schedule.AtEnd("counts return to zero", () => Vm.Invalidation.InProgress != 0 ? $"{Vm.Invalidation.InProgress} invalidations are counted in progress" : null);
        _schedule.AtEnd("every SPTE maps what the host maps", BrokenSpte);
        _schedule.AtEnd("the guest reads what the host reads", () =>
        {
            Span<byte> host = stackalloc byte[8];
            foreach (var cpu in cpus)
            {
                for (var page = 0; page < Pages; page++)
                {
                    var guest = cpu.Load<ulong>((ulong)page * VirtualMachine.PageSize);
                    Memory.Read(Hva(page), host);
                    if (guest != BitConverter.ToUInt64(host))
                        return $"page {page} holds {BitConverter.ToUInt64(host)}, the guest reads {guest}";
                }
            }

            return null;
        });
    }

    private string? BrokenSpte()
    {
        string? broken = null;
        Vm.Tdp.ForEachLeaf((space, valid, gfn, spte) =>
        {
            var slot = Vm.GetMemslots(space).Find(gfn);
            if (slot is null)
            {
                broken ??= $"gfn {gfn} is mapped and in no slot";
                return;
            }

            if (Memory.Fault(slot.GfnToHva(gfn), write: false, out var mapping) != FaultStatus.Ok)
            {
                broken ??= $"gfn {gfn} maps frame {spte.Frame}, the host maps nothing there";
                return;
            }

            if (mapping.Frame != spte.Frame)
                broken ??= $"gfn {gfn} maps frame {spte.Frame}, the host maps {mapping.Frame}";
            Pool.Put(mapping.Frame);
        });
        return broken;
    }

    private void Dispose()
    {
        try
        {
            Vm.Dispose();
            Memory.Dispose();
            Pool.Dispose();
        }
        catch (LockAssertionException)
        {
            // A broken schedule left locks held.
        }
    }
}

/// <summary>No guest access reaches a frame without references.</summary>
internal sealed class FreedFrameMonitor(Schedule schedule, FramePool pool) : IStepMonitor
{
    public unsafe void OnStep(int thread, in CheckStep step, bool succeeded)
    {
        if (step.Instance is not null || step.Operation is not (CheckOperation.AtomicRead or CheckOperation.AtomicWrite or CheckOperation.AtomicUpdate))
            return;
        var offset = (ulong)step.Offset - (ulong)pool.Base;
        if (offset >= (ulong)pool.Capacity << FramePool.PageShift)
            return;
        var frame = (int)(offset >> FramePool.PageShift);
        if (System.Threading.Volatile.Read(ref pool.Info(frame).RefCount) <= 0)
            schedule.Fail(VerdictKind.UseAfterFree, $"Frame {frame} was accessed after it was freed.");
    }
}
