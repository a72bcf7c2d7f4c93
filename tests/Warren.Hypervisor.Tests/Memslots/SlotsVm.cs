using Warren.HostMemory;
using Warren.Hypervisor.Slots;

namespace Warren.Hypervisor.Tests;

/// <summary>A VM over an address space of its own, with nothing mapped yet.</summary>
internal sealed class SlotsVm : IDisposable
{
    public const ulong Page = VirtualMachine.PageSize;

    public SlotsVm(VmOptions? options = null, long poolBytes = 64 << 20)
    {
        Pool = new FramePool(poolBytes);
        Memory = new AddressSpace(Pool);
        Vm = new VirtualMachine(Memory, options);
    }

    public FramePool Pool { get; }
    public AddressSpace Memory { get; }
    public VirtualMachine Vm { get; }

    public static UserMemoryRegion Region(int id, ulong gfn, ulong pages, Hva hva, MemslotFlags flags = 0, int space = 0) => new()
    {
        Slot = (uint)(id | space << 16),
        Flags = flags,
        GuestPhysicalAddress = new Gpa(gfn * Page),
        MemorySize = pages * Page,
        UserspaceAddress = hva,
    };

    public void Set(int id, ulong gfn, ulong pages, Hva hva, MemslotFlags flags = 0, int space = 0) =>
        Vm.SetUserMemoryRegion(Region(id, gfn, pages, hva, flags, space));

    public Errno? TrySet(UserMemoryRegion region)
    {
        try
        {
            Vm.SetUserMemoryRegion(region);
            return null;
        }
        catch (MemslotException e)
        {
            Assert.StartsWith(e.Errno.ToString(), e.Message, StringComparison.Ordinal);
            Assert.EndsWith(".", e.Message, StringComparison.Ordinal);
            return e.Errno;
        }
        finally
        {
            AssertLocksFree(Vm);
        }
    }

    /// <summary>Everything an update could change, as text.</summary>
    public string Snapshot()
    {
        var lines = new List<string> { $"pages {Vm.MemslotPages} logging {Vm.MemslotsDirtyLogging}" };
        for (var i = 0; i < Vm.Options.AddressSpaces; i++)
        {
            var slots = Vm.GetMemslots(i);
            lines.Add($"space {i} count {slots.Count}");
            foreach (var slot in slots)
            {
                Assert.Same(slot, slots.FindById(slot.Id));
                lines.Add($"{slot} bitmap {slot.DirtyBitmap?.GetHashCode()}");
            }
        }
        return string.Join('\n', lines);
    }

    public static void AssertLocksFree(VirtualMachine vm)
    {
        Assert.False(vm.SlotsLock.IsLocked, "slots_lock leaked");
        Assert.False(vm.SlotsArchLock.IsLocked, "slots_arch_lock leaked");
        Assert.True(vm.MmuLock.TryWriteLock(), "mmu_lock leaked");
        vm.MmuLock.WriteUnlock();
    }

    public void Dispose()
    {
        Vm.Dispose();
        Memory.Dispose();
        Assert.Equal(0, Pool.FramesInUse);
        Pool.Dispose();
    }
}
