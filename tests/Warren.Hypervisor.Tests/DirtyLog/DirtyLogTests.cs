using Warren.HostMemory;
using Warren.Hypervisor.DirtyLogging;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Slots;
using Warren.Hypervisor.Tests.Tdp;
using Warren.Hypervisor.Vcpus;
using static Warren.Hypervisor.Tests.Tdp.TdpFixture;

namespace Warren.Hypervisor.Tests.Dirty;

public abstract class DirtyLogTests(MmuKind mmu)
{
    private const ulong Base = 0x8000_0000;

    private static List<int> Pages(ReadOnlySpan<ulong> bitmap)
    {
        List<int> pages = [];
        for (var i = 0; i < bitmap.Length * 64; i++)
        {
            if ((bitmap[i / 64] >> i % 64 & 1) != 0) pages.Add(i);
        }
        return pages;
    }

    private static List<int> Get(TdpFixture f, uint slot, int pages)
    {
        var bitmap = new ulong[(pages + 63) / 64];
        f.Vm.GetDirtyLog(slot, bitmap);
        return Pages(bitmap);
    }

    [Fact]
    public void Writes_are_reported_once_and_reads_never()
    {
        using TdpFixture f = new(mmu);
        f.AddMemory(0, Base, 130 * Page, MemslotFlags.LogDirtyPages);
        ScriptedVcpu cpu = new(f.Vm);
        for (ulong i = 0; i < 130; i++) cpu.Load<ulong>(Base + i * Page);
        Assert.Empty(Get(f, 0, 130));
        foreach (var i in new ulong[] { 0, 63, 64, 129 }) cpu.Store(Base + i * Page, 1UL);
        Assert.Equal([0, 63, 64, 129], Get(f, 0, 130));
        Assert.Empty(Get(f, 0, 130));
        cpu.Store(Base + 64 * Page, 2UL);
        Assert.Equal([64], Get(f, 0, 130));
        Assert.True(cpu.Vcpu.Statistics.FaultsFast > 0);
        f.Verify();
    }

    [Fact]
    public void Writes_by_the_hypervisor_are_reported_too()
    {
        using TdpFixture f = new(mmu);
        f.AddMemory(0, Base, 8 * Page, MemslotFlags.LogDirtyPages);
        Assert.True(f.Vm.WriteGuest(new Gpa(Base + 2 * Page - 4), new byte[8]));
        Assert.Equal([1, 2], Get(f, 0, 8));
        Assert.True(f.Vm.ReadGuest(new Gpa(Base), new byte[4096]));
        Assert.Empty(Get(f, 0, 8));
    }

    [Fact]
    public void Switching_logging_on_takes_writes_of_warm_tlbs_away()
    {
        using TdpFixture f = new(mmu);
        var hva = f.AddMemory(0, Base, 8 * Page);
        ScriptedVcpu cpu = new(f.Vm);
        cpu.Store(Base + 3 * Page, 1UL);
        f.SetSlot(0, Base, 8 * Page, hva, MemslotFlags.LogDirtyPages);
        cpu.Store(Base + 3 * Page, 2UL);
        Assert.Equal([3], Get(f, 0, 8));
        f.SetSlot(0, Base, 8 * Page, hva);
        cpu.Store(Base + 3 * Page, 3UL);
        Assert.Equal(Errno.ENOENT, Assert.Throws<MemslotException>(() => Get(f, 0, 8)).Errno);
        f.Verify();
    }

    [Fact]
    public void With_manual_protection_get_only_copies_and_clear_protects()
    {
        using TdpFixture f = new(mmu, new VmOptions { ManualDirtyLogProtect = true });
        f.AddMemory(0, Base, 200 * Page, MemslotFlags.LogDirtyPages);
        ScriptedVcpu cpu = new(f.Vm);
        cpu.Store(Base, 1UL);
        cpu.Store(Base + 70 * Page, 1UL);
        cpu.Store(Base + 199 * Page, 1UL);
        Assert.Equal([0, 70, 199], Get(f, 0, 200));
        Assert.Equal([0, 70, 199], Get(f, 0, 200));
        f.Vm.ClearDirtyLog(0, 64, 64, [1UL << 6 | 1UL << 9]);
        Assert.Equal([0, 199], Get(f, 0, 200));
        Assert.False(f.Leaf((Base >> 12) + 70).Writable);
        Assert.True(f.Leaf(Base >> 12).Writable);
        f.Vm.ClearDirtyLog(0, 192, 8, [ulong.MaxValue]);
        Assert.Equal([0], Get(f, 0, 200));
        cpu.Store(Base + 70 * Page, 2UL);
        Assert.Equal([0, 70], Get(f, 0, 200));
        f.Verify();
    }

    [Fact]
    public void Initially_set_reports_everything_and_clear_splits_piece_by_piece()
    {
        using TdpFixture f = new(mmu, new VmOptions { ManualDirtyLogProtect = true, DirtyLogInitiallySet = true });
        var hva = f.AddMemory(0, Base, 2 * Huge, hugePages: true);
        ScriptedVcpu cpu = new(f.Vm);
        cpu.Store(Base, 1UL);
        cpu.Store(Base + Huge, 1UL);
        f.SetSlot(0, Base, 2 * Huge, hva, MemslotFlags.LogDirtyPages);
        Assert.Equal(1024, Get(f, 0, 1024).Count);
        Assert.Equal(2, f.LeafCount());
        f.Vm.ClearDirtyLog(0, 0, 64, [ulong.MaxValue]);
        Assert.Equal(960, Get(f, 0, 1024).Count);
        Assert.Equal(513, f.LeafCount());
        cpu.Store(Base + 5 * Page, 1UL);
        Assert.Contains(5, Get(f, 0, 1024));
        Assert.DoesNotContain(6, Get(f, 0, 1024));
        f.Verify();
    }

    [Fact]
    public void Errors_are_kvms()
    {
        using TdpFixture f = new(mmu);
        f.AddMemory(0, Base, 200 * Page, MemslotFlags.LogDirtyPages);
        f.AddMemory(1, Base + Huge, Page);
        var four = new ulong[4];
        Assert.Equal(Errno.EINVAL, Error(() => f.Vm.GetDirtyLog(1 << 16, four)));
        Assert.Equal(Errno.EINVAL, Error(() => f.Vm.GetDirtyLog(VirtualMachine.UserMemslots, four)));
        Assert.Equal(Errno.ENOENT, Error(() => f.Vm.GetDirtyLog(2, four)));
        Assert.Equal(Errno.ENOENT, Error(() => f.Vm.GetDirtyLog(1, four)));
        Assert.Equal(Errno.EFAULT, Error(() => f.Vm.GetDirtyLog(0, four.AsSpan(0, 3))));
        Assert.Equal(Errno.EINVAL, Error(() => f.Vm.ClearDirtyLog(0, 1, 64, four)));
        Assert.Equal(Errno.EINVAL, Error(() => f.Vm.ClearDirtyLog(0, 64, 63, four)));
        Assert.Equal(Errno.EINVAL, Error(() => f.Vm.ClearDirtyLog(0, 256, 64, four)));
        Assert.Equal(Errno.EINVAL, Error(() => f.Vm.ClearDirtyLog(0, 192, 64, four)));
        Assert.Equal(Errno.EINVAL, Error(() => f.Vm.ClearDirtyLog(0, 192, ulong.MaxValue - 63, four)));
        // Nothing at all, up to the slot's end, is no error (kvm_clear_dirty_log_protect).
        f.AddMemory(3, Base + 2 * Huge, 64 * Page, MemslotFlags.LogDirtyPages);
        f.Vm.ClearDirtyLog(3, 64, 0, []);
        f.Vm.ClearDirtyLog(0, 64, 0, []);
        Assert.Equal(Errno.EINVAL, Error(() => f.Vm.ClearDirtyLog(3, 128, 0, [])));
        Assert.Equal(Errno.ENOENT, Error(() => f.Vm.ClearDirtyLog(1, 0, 1, four)));
        Assert.Equal(Errno.EFAULT, Error(() => f.Vm.ClearDirtyLog(0, 0, 128, four.AsSpan(0, 1))));
        Assert.Equal(Errno.EINVAL, Error(() => f.Vm.ResetDirtyRings()));
        f.Vm.ClearDirtyLog(0, 192, 8, four);
        f.Vm.ClearDirtyLog(0, 0, 200, four);

        using TdpFixture rings = new(mmu, new VmOptions { DirtyRingEntries = 128 });
        rings.AddMemory(0, Base, Page, MemslotFlags.LogDirtyPages);
        Assert.Equal(Errno.ENXIO, Error(() => rings.Vm.GetDirtyLog(0, four)));
        Assert.Equal(Errno.ENXIO, Error(() => rings.Vm.ClearDirtyLog(0, 0, 1, four)));
        foreach (var bad in new uint[] { 1, 64, 192, 131072 })
        {
            Assert.Contains($"{bad}", Assert.Throws<ArgumentException>(
                () => new TdpFixture(mmu, new VmOptions { DirtyRingEntries = bad }).Dispose()).Message, StringComparison.Ordinal);
        }
    }

    private static Errno Error(Action action) => Assert.Throws<MemslotException>(action).Errno;

    [Fact]
    public void A_ring_names_each_page_once_between_resets_and_stops_the_vcpu_before_it_overflows()
    {
        using TdpFixture f = new(mmu, new VmOptions { DirtyRingEntries = 128 });
        f.AddMemory(5, Base, 512 * Page, MemslotFlags.LogDirtyPages);
        ScriptedVcpu cpu = new(f.Vm);
        var buffer = new DirtyGfn[200];
        for (var round = 0; round < 3; round++)
        {
            ulong written = 0;
            for (ulong i = 0; i < 200; i++)
            {
                cpu.Store(Base + i * Page, i);
                if (cpu.LastExit == VcpuExitReason.DirtyRingFull) break;
                Assert.Equal(GuestAccessResult.Memory, cpu.Result);
                cpu.Store(Base + i * Page + 8, i);
                written++;
            }
            Assert.Equal(64UL, written);
            cpu.Store(Base + 300 * Page, 1UL);
            Assert.Equal(VcpuExitReason.DirtyRingFull, cpu.LastExit);
            var count = f.Vm.HarvestDirtyRing(cpu.Vcpu, buffer);
            Assert.Equal(64, count);
            for (var i = 0; i < count; i++) Assert.Equal(new DirtyGfn(5, (ulong)i), buffer[i]);
            Assert.Equal(0, f.Vm.HarvestDirtyRing(cpu.Vcpu, buffer));
            cpu.Store(Base + 300 * Page, 1UL);
            Assert.Equal(VcpuExitReason.DirtyRingFull, cpu.LastExit);
            Assert.Equal(64, f.Vm.ResetDirtyRings());
            Assert.False(f.Leaf(Base >> 12).Writable);
        }
        Assert.Equal(0, f.Vm.ResetDirtyRings());
        f.Verify();
    }

    [Fact]
    public void With_a_bitmap_beside_the_ring_host_writes_go_there()
    {
        using TdpFixture f = new(mmu, new VmOptions { DirtyRingEntries = 128, DirtyRingWithBitmap = true });
        f.AddMemory(0, Base, 8 * Page, MemslotFlags.LogDirtyPages);
        ScriptedVcpu cpu = new(f.Vm);
        cpu.Store(Base, 1UL);
        f.Vm.WriteGuest(new Gpa(Base + Page), new byte[1]);
        Assert.Equal([1], Get(f, 0, 8));
        var buffer = new DirtyGfn[4];
        Assert.Equal(1, f.Vm.HarvestDirtyRing(cpu.Vcpu, buffer));
        Assert.Equal(new DirtyGfn(0, 0), buffer[0]);
    }

    [Fact]
    public void Resetting_entries_of_a_slot_that_is_gone_or_smaller_does_no_harm()
    {
        using TdpFixture f = new(mmu, new VmOptions { DirtyRingEntries = 128 });
        var hva = f.AddMemory(0, Base, 256 * Page, MemslotFlags.LogDirtyPages);
        ScriptedVcpu cpu = new(f.Vm);
        for (ulong i = 250; i > 200; i--) cpu.Store(Base + i * Page, 1UL);
        Assert.Equal(50, f.Vm.HarvestDirtyRing(cpu.Vcpu, new DirtyGfn[64]));
        f.DeleteSlot(0);
        f.SetSlot(0, Base, 210 * Page, hva, MemslotFlags.LogDirtyPages);
        Assert.Equal(50, f.Vm.ResetDirtyRings());
        cpu.Store(Base, 1UL);
        Assert.Equal(1, f.Vm.HarvestDirtyRing(cpu.Vcpu, new DirtyGfn[64]));
        f.DeleteSlot(0);
        Assert.Equal(1, f.Vm.ResetDirtyRings());
    }
}

public sealed class DirtyLogTestsWithTdp() : DirtyLogTests(MmuKind.Tdp);

public sealed class DirtyLogTestsWithShadow() : DirtyLogTests(MmuKind.Shadow);
