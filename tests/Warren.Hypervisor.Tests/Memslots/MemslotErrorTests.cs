using Warren.HostMemory;
using Warren.Hypervisor.Slots;

namespace Warren.Hypervisor.Tests;

/// <summary>Each check of KVM_SET_USER_MEMORY_REGION, and that the earlier of two wins. Nothing changes, no lock stays held.</summary>
public sealed class MemslotErrorTests : IDisposable
{
    private static readonly Hva Hva = new(0x10_0000_0000);
    private static readonly Gpa LastPage = new(ulong.MaxValue - Page + 1);
    private const ulong Page = SlotsVm.Page;
    private readonly SlotsVm _t = new(new VmOptions { AddressSpaces = 2 });

    public MemslotErrorTests()
    {
        _t.Set(0, 0x100, 16, Hva);
        _t.Set(1, 0x200, 16, Hva + 0x100000, MemslotFlags.ReadOnly);
        _t.Set(2, 0x300, 16, Hva + 0x200000, MemslotFlags.LogDirtyPages);
        _t.Set(0, 0x100, 16, Hva, space: 1);
    }

    public void Dispose() => _t.Dispose();

    private static readonly UserMemoryRegion Good = SlotsVm.Region(5, 0x1000, 4, Hva + 0x400000);

    public static TheoryData<string, UserMemoryRegion, Errno, string> Rows()
    {
        var rows = new TheoryData<string, UserMemoryRegion, Errno, string>
        {
            { "id", Good with { Slot = 32764 }, Errno.EINVAL, "no slot 32764" },
            { "unknown flag", Good with { Flags = (MemslotFlags)8 }, Errno.EINVAL, "0x8" },
            { "guest_memfd", Good with { Flags = MemslotFlags.GuestMemfd }, Errno.EINVAL, "0x4" },
            { "internal flag", Good with { Flags = MemslotFlags.Invalid }, Errno.EINVAL, "0x10000" },
            { "size unaligned", Good with { MemorySize = 4 * Page + 1 }, Errno.EINVAL, "size 0x4001" },
            { "gpa unaligned", Good with { GuestPhysicalAddress = new Gpa(0x1000800) }, Errno.EINVAL, "0x1000800" },
            { "hva unaligned", Good with { UserspaceAddress = Hva + 8 }, Errno.EINVAL, "host virtual address" },
            { "hva tagged", Good with { UserspaceAddress = new Hva(Hva.Value | 1UL << 60) }, Errno.EINVAL, "host virtual address" },
            { "hva beyond user space", Good with { UserspaceAddress = new Hva((1UL << 47) - Page) }, Errno.EINVAL, "host virtual address" },
            { "hva ends in the last page", Good with { UserspaceAddress = new Hva((1UL << 47) - 4 * Page), MemorySize = 4 * Page },
                Errno.EINVAL, "host virtual address" },
            { "hva at the limit", Good with { UserspaceAddress = new Hva((1UL << 47) - Page) }, Errno.EINVAL, "host virtual address" },
            { "delete with hva at the limit", Good with { UserspaceAddress = new Hva((1UL << 47) - Page), MemorySize = 0 }, Errno.EINVAL,
                "does not exist" },
            { "hva wraps", Good with { UserspaceAddress = Hva, MemorySize = ulong.MaxValue & ~(Page - 1) }, Errno.EINVAL,
                "host virtual address" },
            { "address space", Good with { Slot = 5 | 2 << 16 }, Errno.EINVAL, "no address space 2" },
            { "address space, all bits", Good with { Slot = 5 | 0xffffu << 16 }, Errno.EINVAL, "no address space 65535" },
            { "gpa wraps", Good with { GuestPhysicalAddress = new Gpa(ulong.MaxValue - 2 * Page + 1) }, Errno.EINVAL, "wraps" },
            { "too many pages", Good with { MemorySize = (1UL << 31) * Page }, Errno.EINVAL, "at most 2147483647 pages" },
            { "delete what is not there", Good with { MemorySize = 0 }, Errno.EINVAL, "does not exist" },
            { "delete in the other address space", Good with { Slot = 1 | 1 << 16, MemorySize = 0 }, Errno.EINVAL, "does not exist" },
            { "hva changed", SlotsVm.Region(0, 0x100, 16, Hva + Page), Errno.EINVAL, "delete it first" },
            { "size changed", SlotsVm.Region(0, 0x100, 17, Hva), Errno.EINVAL, "delete it first" },
            { "ReadOnly set", SlotsVm.Region(0, 0x100, 16, Hva, MemslotFlags.ReadOnly), Errno.EINVAL, "delete it first" },
            { "ReadOnly cleared", SlotsVm.Region(1, 0x200, 16, Hva + 0x100000), Errno.EINVAL, "delete it first" },
            { "create over another's end", SlotsVm.Region(5, 0x10f, 4, Hva), Errno.EEXIST, "overlaps" },
            { "create over another's start", SlotsVm.Region(5, 0xfd, 4, Hva), Errno.EEXIST, "overlaps" },
            { "create around another", SlotsVm.Region(5, 0xf0, 64, Hva), Errno.EEXIST, "overlaps" },
            { "create inside another", SlotsVm.Region(5, 0x105, 1, Hva), Errno.EEXIST, "overlaps" },
            { "move over another", SlotsVm.Region(0, 0x1f8, 16, Hva), Errno.EEXIST, "overlaps" },
            { "create beyond 48 bits", Good with { GuestPhysicalAddress = new Gpa((1UL << 48) - 3 * Page) }, Errno.EINVAL, "48 bits" },
            { "move beyond 48 bits", SlotsVm.Region(0, 1UL << 36, 16, Hva), Errno.EINVAL, "48 bits" },
            // Wrong in two ways: the earlier check answers.
            { "flags before size", Good with { Flags = (MemslotFlags)8, MemorySize = 1 }, Errno.EINVAL, "0x8" },
            { "id before flags", Good with { Slot = 40000, Flags = (MemslotFlags)8 }, Errno.EINVAL, "no slot" },
            { "size before gpa", Good with { MemorySize = 1, GuestPhysicalAddress = new Gpa(1) }, Errno.EINVAL, "size 0x1" },
            { "gpa before hva", Good with { GuestPhysicalAddress = new Gpa(1), UserspaceAddress = new Hva(1) }, Errno.EINVAL,
                "guest physical address 0x1 is" },
            { "hva before address space", Good with { UserspaceAddress = new Hva(1), Slot = 5 | 7 << 16 }, Errno.EINVAL, "host virtual" },
            { "address space before wrap", Good with { Slot = 5 | 7 << 16, GuestPhysicalAddress = LastPage }, Errno.EINVAL,
                "no address space" },
            { "wrap before too many pages", Good with { GuestPhysicalAddress = LastPage, MemorySize = (1UL << 31) * Page },
                Errno.EINVAL, "wraps" },
            { "checks of a request before those of a deletion", Good with { MemorySize = 0, UserspaceAddress = new Hva(1) }, Errno.EINVAL,
                "host virtual" },
            { "changed hva before overlap", SlotsVm.Region(0, 0x1f8, 16, Hva + Page), Errno.EINVAL, "delete it first" },
            { "overlap before 48 bits", SlotsVm.Region(0, 0x1f8, 16, Hva), Errno.EEXIST, "overlaps" },
        };
        return rows;
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public void A_bad_request_fails_as_in_kvm_and_changes_nothing(string name, UserMemoryRegion region, Errno errno, string says)
    {
        Assert.NotNull(name);
        var before = _t.Snapshot();
        var exception = Assert.Throws<MemslotException>(() => _t.Vm.SetUserMemoryRegion(region));
        Assert.Equal(errno, exception.Errno);
        Assert.Contains(says, exception.Message, StringComparison.OrdinalIgnoreCase);
        Assert.Equal(before, _t.Snapshot());
        SlotsVm.AssertLocksFree(_t.Vm);
    }

    [Fact]
    public void The_same_request_again_is_accepted_and_publishes_nothing()
    {
        var generation = _t.Vm.GetMemslots(0).Generation;
        _t.Set(0, 0x100, 16, Hva);
        Assert.Equal(generation, _t.Vm.GetMemslots(0).Generation);
    }

    [Fact]
    public void Slots_of_two_address_spaces_do_not_overlap_and_hvas_may()
    {
        _t.Set(6, 0x200, 16, Hva + 0x1000, space: 1);
        _t.Set(7, 0x300, 16, Hva, MemslotFlags.LogDirtyPages, space: 1);
        Assert.Equal(6, _t.Vm.GetMemslots(1).Find(new Gfn(0x20f))!.Id);
        Assert.Equal(1, _t.Vm.GetMemslots(0).Find(new Gfn(0x20f))!.Id);
    }

    [Fact]
    public void Every_id_can_be_used_and_the_next_is_refused()
    {
        for (var id = 3; id < VirtualMachine.UserMemslots; id++) _t.Set(id, 0x1000 + 2 * (ulong)id, 1, Hva + 0x400000);
        Assert.Equal(VirtualMachine.UserMemslots, _t.Vm.GetMemslots(0).Count);
        Assert.Equal(Errno.EINVAL, _t.TrySet(SlotsVm.Region(VirtualMachine.UserMemslots, 1, 1, Hva)));
        Assert.Equal(32763, _t.Vm.GetMemslots(0).Find(new Gfn(0x1000 + 2 * 32763))!.Id);
    }

    [Fact]
    public void A_vm_with_one_address_space_refuses_the_second()
    {
        using var one = new SlotsVm();
        Assert.Equal(Errno.EINVAL, one.TrySet(SlotsVm.Region(0, 0, 1, Hva, space: 1)));
    }
}
