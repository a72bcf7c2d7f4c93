using System.Threading;
using Warren.HostMemory;
using Warren.Hypervisor.Invalidation;
using Warren.Hypervisor.Slots;

namespace Warren.Hypervisor.Tests;

/// <summary>The steps of an update: locks, grace periods, generations, the invalid mark, and every way to fail.</summary>
public abstract class MemslotUpdateTests(GateKind gate) : IDisposable
{
    private static readonly Hva Hva = new(0x10_0000_0000);
    private readonly SlotsVm _t = new(new VmOptions { AddressSpaces = 2, Gate = gate });

    public void Dispose()
    {
        _t.Dispose();
        GC.SuppressFinalize(this);
    }

    private VirtualMachine Vm => _t.Vm;

    private static UserMemoryRegion Delete(int id, int space = 0) => SlotsVm.Region(id, 0, 0, default, space: space);

    [Theory]
    [InlineData("create", 1)]
    [InlineData("flags", 1)]
    [InlineData("delete", 2)]
    [InlineData("move", 2)]
    public void Grace_periods_and_generation_steps(string change, int graceperiods)
    {
        _t.Set(1, 0x100, 16, Hva);
        var before = Vm.Statistics.MemslotGracePeriods;
        var srcuBefore = Vm.Srcu.GracePeriods;
        var generation = Vm.GetMemslots(0).Generation;
        switch (change)
        {
            case "create": _t.Set(2, 0x200, 16, Hva); break;
            case "flags": _t.Set(1, 0x100, 16, Hva, MemslotFlags.LogDirtyPages); break;
            case "delete": Vm.SetUserMemoryRegion(Delete(1)); break;
            case "move": _t.Set(1, 0x180, 16, Hva); break;
        }
        Assert.Equal(graceperiods, Vm.Statistics.MemslotGracePeriods - before);
        Assert.Equal(graceperiods, Vm.Srcu.GracePeriods - srcuBefore);
        Assert.Equal(generation + 2, Vm.GetMemslots(0).Generation);
    }

    [Fact]
    public void Generations_start_at_the_address_space_and_are_unique_across_them()
    {
        Assert.Equal(0UL, Vm.GetMemslots(0).Generation);
        Assert.Equal(1UL, Vm.GetMemslots(1).Generation);
        var seen = new HashSet<ulong> { 0, 1 };
        Vm.MemslotHook = step =>
        {
            // Told while the update is under way, of the set that is being replaced for the readers.
            if (step == MemslotStep.BeforeGracePeriod)
            {
                foreach (var space in new[] { 0, 1 })
                {
                    var generation = Vm.GetMemslots(space).Generation;
                    if ((generation & Memslots.UpdateInProgress) != 0) Assert.True(seen.Add(generation));
                }
            }
            return null;
        };
        for (var i = 0; i < 20; i++)
        {
            _t.Set(i, 0x100 * (ulong)i, 16, Hva, space: i % 2);
            Assert.True(seen.Add(Vm.GetMemslots(i % 2).Generation));
            Assert.Equal((ulong)(i % 2), Vm.GetMemslots(i % 2).Generation % 2);
            Assert.Equal(0UL, Vm.GetMemslots(i % 2).Generation & Memslots.UpdateInProgress);
        }
        Assert.Equal(2 + 40, seen.Count);
    }

    [Fact]
    public void Locks_at_each_step_of_a_move()
    {
        _t.Set(1, 0x100, 16, Hva);
        var steps = new List<MemslotStep>();
        Vm.MemslotHook = step =>
        {
            steps.Add(step);
            Assert.True(Vm.SlotsLock.IsLocked);
            var arch = step is MemslotStep.AllocateBitmap or MemslotStep.PrepareMmu or MemslotStep.Publish;
            Assert.Equal(arch, Vm.SlotsArchLock.IsLocked);
            if (step is MemslotStep.PrepareMmu or MemslotStep.Zapped) Assert.True(Vm.GetMemslots(0).Find(new Gfn(0x100))!.IsInvalid);
            return null;
        };
        _t.Set(1, 0x200, 16, Hva);
        Assert.Equal(
            [
                MemslotStep.ReserveId, MemslotStep.AllocateSlot, MemslotStep.BeforeGracePeriod, MemslotStep.AfterGracePeriod,
                MemslotStep.Zapped, MemslotStep.PrepareMmu, MemslotStep.Publish, MemslotStep.BeforeGracePeriod,
                MemslotStep.AfterGracePeriod,
            ],
            steps);
        Assert.Null(Vm.GetMemslots(0).Find(new Gfn(0x100)));
        Assert.False(Vm.GetMemslots(0).Find(new Gfn(0x20f))!.IsInvalid);
        SlotsVm.AssertLocksFree(Vm);
    }

    [Fact]
    public void An_invalid_slot_keeps_being_found_by_gfn_and_by_notifications()
    {
        var hva = _t.Memory.Map(16 * SlotsVm.Page, VmaProtection.Read | VmaProtection.Write);
        _t.Set(1, 0x100, 16, hva);
        var related = 0L;
        Vm.MemslotHook = step =>
        {
            if (step == MemslotStep.Zapped)
            {
                var before = Vm.Statistics.InvalidationsRelated;
                _t.Memory.Discard(hva, SlotsVm.Page);
                related = Vm.Statistics.InvalidationsRelated - before;
                Assert.False(Vm.ReadGuest(new Gpa(0x100000), new byte[1]));
            }
            return null;
        };
        Vm.SetUserMemoryRegion(Delete(1));
        Assert.Equal(1, related);
        var after = Vm.Statistics.InvalidationsRelated;
        _t.Memory.Discard(hva, SlotsVm.Page);
        Assert.Equal(after, Vm.Statistics.InvalidationsRelated);
    }

    public static TheoryData<string, string> Failures()
    {
        var rows = new TheoryData<string, string>();
        foreach (var change in new[] { "create", "create logged", "flags", "delete", "move" })
        {
            foreach (var step in new[]
                { MemslotStep.ReserveId, MemslotStep.AllocateSlot, MemslotStep.AllocateBitmap, MemslotStep.PrepareMmu,
                    MemslotStep.Publish })
            {
                rows.Add(change, step.ToString());
            }
        }
        return rows;
    }

    [Theory]
    [MemberData(nameof(Failures))]
    public void A_failure_at_any_step_leaves_everything_as_it_was_and_no_lock_held(string change, string failing)
    {
        var failAt = Enum.Parse<MemslotStep>(failing);
        _t.Set(1, 0x100, 16, Hva);
        _t.Set(2, 0x200, 16, Hva, MemslotFlags.LogDirtyPages);
        foreach (var thrower in new Func<Errno?>[] { () => Errno.ENOMEM, () => throw new InsufficientMemoryException() })
        {
            var before = _t.Snapshot();
            var reached = false;
            Vm.MemslotHook = step =>
            {
                if (step != failAt) return null;
                reached = true;
                return thrower();
            };
            var region = change switch
            {
                "create" => SlotsVm.Region(3, 0x300, 16, Hva),
                "create logged" => SlotsVm.Region(3, 0x300, 16, Hva, MemslotFlags.LogDirtyPages),
                "flags" => SlotsVm.Region(1, 0x100, 16, Hva, MemslotFlags.LogDirtyPages),
                "delete" => Delete(2),
                _ => SlotsVm.Region(2, 0x400, 16, Hva, MemslotFlags.LogDirtyPages),
            };
            var result = _t.TrySet(region);
            Vm.MemslotHook = null;
            if (reached)
            {
                Assert.Equal(Errno.ENOMEM, result);
                Assert.Equal(before, _t.Snapshot());
                foreach (var slot in Vm.GetMemslots(0)) Assert.False(slot.IsInvalid);
                // It works once the cause has gone.
                Assert.Null(_t.TrySet(region));
            }
            else
            {
                Assert.Null(result);
            }
            SlotsVm.AssertLocksFree(Vm);
            Vm.SetUserMemoryRegion(change switch
            {
                "create" or "create logged" => Delete(3),
                "flags" => SlotsVm.Region(1, 0x100, 16, Hva),
                "delete" => SlotsVm.Region(2, 0x200, 16, Hva, MemslotFlags.LogDirtyPages),
                _ => SlotsVm.Region(2, 0x200, 16, Hva, MemslotFlags.LogDirtyPages),
            });
        }
    }

    [Fact]
    public void A_dirty_bitmap_comes_and_goes_with_the_flag_and_follows_a_move()
    {
        _t.Set(1, 0x100, 16, Hva);
        Assert.Null(Vm.GetMemslots(0).Find(new Gfn(0x100))!.DirtyBitmap);
        _t.Set(1, 0x100, 16, Hva, MemslotFlags.LogDirtyPages);
        var bitmap = Vm.GetMemslots(0).Find(new Gfn(0x100))!.DirtyBitmap;
        Assert.NotNull(bitmap);
        Assert.Equal(1, Vm.MemslotsDirtyLogging);
        _t.Set(1, 0x300, 16, Hva, MemslotFlags.LogDirtyPages);
        Assert.Same(bitmap, Vm.GetMemslots(0).Find(new Gfn(0x300))!.DirtyBitmap);
        _t.Set(1, 0x300, 16, Hva);
        Assert.Null(Vm.GetMemslots(0).Find(new Gfn(0x300))!.DirtyBitmap);
        Assert.Equal(0, Vm.MemslotsDirtyLogging);
        Assert.Equal(16UL, Vm.MemslotPages);
        Vm.SetUserMemoryRegion(Delete(1));
        Assert.Equal(0UL, Vm.MemslotPages);
    }

    [Fact]
    public void With_initially_set_every_page_of_a_new_log_is_dirty_and_no_more()
    {
        using var t = new SlotsVm(new VmOptions { ManualDirtyLogProtect = true, DirtyLogInitiallySet = true });
        t.Set(1, 0x100, 70, Hva, MemslotFlags.LogDirtyPages);
        var bitmap = t.Vm.GetMemslots(0).Find(new Gfn(0x100))!.DirtyBitmap!;
        Assert.Equal(ulong.MaxValue, bitmap.Word(0));
        Assert.Equal((1UL << 6) - 1, bitmap.Word(1));
    }

    [Fact]
    public void An_update_waits_for_readers()
    {
        _t.Set(1, 0x100, 16, Hva);
        var srcu = Vm.Srcu.ReadLock();
        var delete = new Worker(() => Vm.SetUserMemoryRegion(Delete(1)));
        while (!Vm.GetMemslots(0).Find(new Gfn(0x100))!.IsInvalid) Thread.Yield();
        Assert.False(delete.EndsWithin(50));
        // The lock that readers may want is free while they are waited for.
        Assert.True(Vm.SlotsArchLock.TryLock());
        Vm.SlotsArchLock.Unlock();
        Vm.Srcu.ReadUnlock(srcu);
        delete.Join();
        Assert.Null(Vm.GetMemslots(0).Find(new Gfn(0x100)));
    }
}

public sealed class MemslotUpdateTestsWithJoin() : MemslotUpdateTests(GateKind.Join);

public sealed class MemslotUpdateTestsWithActiveCount() : MemslotUpdateTests(GateKind.ActiveCount)
{
    [Fact]
    public void An_update_waits_for_an_invalidation_in_flight()
    {
        using var t = new SlotsVm(new VmOptions { Gate = GateKind.ActiveCount });
        var held = new HeldInvalidation(t.Memory, new Hva(0x20_0000_0000), SlotsVm.Page);
        var update = new Worker(() => t.Set(1, 0x100, 16, new Hva(0x10_0000_0000)));
        Assert.False(update.EndsWithin(100));
        Assert.Null(t.Vm.GetMemslots(0).Find(new Gfn(0x100)));
        held.Dispose();
        update.Join();
        Assert.NotNull(t.Vm.GetMemslots(0).Find(new Gfn(0x100)));
    }
}
