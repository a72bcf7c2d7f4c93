using Warren.HostMemory;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Slots;

namespace Warren.Hypervisor.Tests.Tdp;

/// <summary>A VM over an address space of its own, with what tests of the tables ask again and again.</summary>
internal sealed class TdpFixture : IDisposable
{
    public const ulong Page = 4096;
    public const ulong Huge = 2UL << 20;

    public TdpFixture(VmOptions? options = null, long poolBytes = 64L << 20)
    {
        Pool = new FramePool(poolBytes);
        Memory = new AddressSpace(Pool);
        Vm = new VirtualMachine(Memory, options ?? new VmOptions());
    }

    public TdpFixture(MmuKind mmu, VmOptions? options = null, long poolBytes = 64L << 20)
        : this((options ?? new VmOptions()) with { Mmu = mmu }, poolBytes)
    {
    }

    public FramePool Pool { get; }
    public AddressSpace Memory { get; }
    public VirtualMachine Vm { get; }
    public TdpMmu Tdp => (TdpMmu)Vm.Mmu;

    public Hva Map(ulong length, bool hugePages = false) =>
        Memory.Map(length, VmaProtection.Read | VmaProtection.Write, hugePages: hugePages);

    public void SetSlot(uint id, ulong gpa, ulong size, Hva hva, MemslotFlags flags = MemslotFlags.None) =>
        Vm.SetUserMemoryRegion(new UserMemoryRegion
        { Slot = id, Flags = flags, GuestPhysicalAddress = new Gpa(gpa), MemorySize = size, UserspaceAddress = hva });

    public void DeleteSlot(uint id) => SetSlot(id, 0, 0, default);

    /// <summary>A slot over fresh memory; returns its hva.</summary>
    public Hva AddMemory(uint id, ulong gpa, ulong size, MemslotFlags flags = MemslotFlags.None, bool hugePages = false)
    {
        var hva = Map(size, hugePages);
        SetSlot(id, gpa, size, hva, flags);
        return hva;
    }

    public void WriteHost(Hva hva, ulong value) => Memory.Write(hva, BitConverter.GetBytes(value));

    public ulong ReadHost(Hva hva)
    {
        var bytes = new byte[8];
        Memory.Read(hva, bytes);
        return BitConverter.ToUInt64(bytes);
    }

    /// <summary>The leaf of a valid root that maps gfn, or none.</summary>
    public Spte Leaf(ulong gfn)
    {
        Spte found = default;
        Vm.Mmu.ForEachLeaf((_, valid, first, spte) =>
        {
            if (valid && new Gfn(gfn) >= first && new Gfn(gfn) < first + (spte.IsHuge ? 512u : 1u)) found = spte;
        });
        return found;
    }

    public int LeafCount()
    {
        var count = 0;
        Vm.Mmu.ForEachLeaf((_, _, _, _) => count++);
        return count;
    }

    /// <summary>
    /// The oracle, for a VM at rest: every leaf of every root maps exactly the frame that the host's page table holds for its page, through
    /// a memslot that exists; W only where host and memslot allow it, and never on a logged page that is not in the log; counts are back at
    /// zero.
    /// </summary>
    public void Verify()
    {
        Assert.Equal(0, Vm.Invalidation.InProgress);
        List<(int Space, bool Valid, Gfn Gfn, Spte Leaf)> leaves = [];
        Vm.Mmu.ForEachLeaf((space, valid, gfn, spte) => leaves.Add((space, valid, gfn, spte)));
        foreach ((var space, var valid, var first, var leaf) in leaves)
        {
            for (ulong i = 0; i < (leaf.IsHuge ? 512u : 1u); i++)
            {
                var gfn = first + i;
                var slot = Vm.GetMemslots(space).Find(gfn);
                Assert.True(slot is not null, $"gfn {gfn.Value} is mapped ({leaf}) without a memslot");
                Assert.Equal(FaultStatus.Ok, Memory.Fault(slot.GfnToHva(gfn), false, out var mapping));
                Pool.Put(mapping.Pfn);
                Assert.True(leaf.Pfn + (int)i == mapping.Pfn, $"gfn {gfn.Value}: SPTE {leaf} page {i}, host frame {mapping.Pfn}");
                if (!leaf.Writable) continue;
                Assert.True(leaf.HostWritable && leaf.MmuWritable && mapping.Writable && !slot.IsReadOnly,
                    $"gfn {gfn.Value}: {leaf} is writable against the rules");
                if (valid && slot.LogsDirtyPages && slot.DirtyBitmap is { } bitmap)
                {
                    Assert.True((bitmap.Word((nuint)((gfn - slot.BaseGfn) / 64)) >> (int)((gfn - slot.BaseGfn) % 64) & 1) != 0,
                        $"gfn {gfn.Value}: writable, logged, and not in the log");
                }
            }
        }
    }

    /// <summary>
    /// Every test ends here: with all roots zapped and put, each table page is back where it came from, and no frame is left.
    /// </summary>
    public void Dispose()
    {
        foreach (var vcpu in Vm.Vcpus) vcpu.ReleaseTables();
        Vm.SlotsLock.Lock();
        Vm.Mmu.ZapAllFast();
        (Vm.Mmu as TdpMmu)?.ZapObsolete();
        Vm.SlotsLock.Unlock();
        Assert.Equal(0, LeafCount());
        Assert.Equal(0, Vm.Mmu.Allocator.InUse);
        Vm.Dispose();
        Memory.Dispose();
        Assert.Equal(0, Pool.FramesInUse);
        Pool.Dispose();
    }
}
