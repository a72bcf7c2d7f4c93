using System.Threading;
using Warren.Hypervisor.Tests.Scripted;
using Warren.Hypervisor.Vcpus;
using static Warren.Hypervisor.Tests.Shadow.ShadowFixture;

namespace Warren.Hypervisor.Tests.Shadow;

/// <summary>Zapping everything by a toggle of the generation.</summary>
public sealed unsafe class ShadowFastZapTests
{
    private const ulong Va = 0x4000_0000;

    [Fact]
    public void Deleting_a_slot_drops_every_page_and_leaves_nothing_of_them()
    {
        using var f = NewGuest(out _, vcpus: 1);
        for (ulong gfn = 0; gfn < 64; gfn++) Assert.Equal(Outcome.Done, f.Cpu.Store(Linear + gfn * Page, gfn + 1));
        Assert.True(f.Mmu.Pages.Count > 3);
        Delete(f);
        Assert.Equal(0, f.Mmu.Pages.Count);
        var counters = f.Mmu.Counters;
        Assert.Equal(counters.TablesAtToggle, counters.TablesZapped);
        Assert.Equal(1, counters.FastZaps);
        for (ulong gfn = 0; gfn < 64; gfn++) Assert.Equal(gfn + 1, f.Cpu.Load(Linear + gfn * Page));
        f.Verify();
    }

    /// <summary>
    /// Nobody lets go of the root of a vCPU that does not run. It is taken off the list at the first zap and is no work for those that
    /// follow.
    /// </summary>
    [Fact]
    public void A_root_in_use_is_zapped_once_and_goes_with_its_vcpu()
    {
        using var f = NewGuest(out _, vcpus: 2);
        var idle = f.Cpus[0];
        var busy = f.Cpus[1];
        idle.Load(Linear);
        busy.Load(Linear);
        var inUse = TablesInUse(f);
        for (var i = 0; i < 20; i++)
        {
            busy.Load(Linear);
            Delete(f);
            Assert.InRange(TablesInUse(f), 1, inUse);
        }
        var counters = f.Mmu.Counters;
        Assert.Equal(20, counters.FastZaps);
        Assert.Equal(counters.TablesAtToggle, counters.TablesZapped);
        Assert.Equal(counters.ShadowPagesMade, counters.TablesZapped);
        // Obsolete roots were asked for once, by the zap; preparing them is no reason to ask again.
        Assert.Equal(0, counters.RootsInvalidated);
        Assert.True(PageOfRoot(idle)->Role.Invalid);
        Assert.Equal(1, PageOfRoot(idle)->RootCount);
        // SPTEs and gfns of the last root of each; then one goes, and a new one comes.
        Assert.Equal(4, TablesInUse(f));
        idle.Do(() => { });
        Assert.False(PageOfRoot(idle)->Role.Invalid);
        Assert.Equal(4, TablesInUse(f));
        Assert.Equal(0UL, idle.Load(Linear));
        f.Verify();
    }

    /// <summary>
    /// The livelock of 2019 in its shadow form: counted, not timed. Every page is freed by the zap it existed before, or by none.
    /// </summary>
    [Fact]
    public void Zapping_ends_although_vcpus_never_stop_faulting()
    {
        using var f = NewGuest(out _, vcpus: 2);
        Crew crew = new();
        var stores = new long[f.Cpus.Length];
        for (var i = 0; i < stores.Length; i++)
        {
            var me = i;
            var next = (ulong)i * 512;
            crew.Add(() =>
            {
                while (!crew.Stopping)
                {
                    f.Cpus[me].Store(Linear + (next += 3) % 1024 * Page + 8, next);
                    Volatile.Write(ref stores[me], stores[me] + 1);
                }
            });
        }
        crew.Go(() =>
        {
            // Not for faults of each: the first to run may leave none to the other.
            crew.Await(() => Array.TrueForAll(stores, n => n > 10), "ten stores of each vCPU");
            for (var i = 0; i < 60; i++)
            {
                Delete(f);
                Thread.Yield();
            }
        });
        var counters = f.Mmu.Counters;
        Assert.Equal(60, counters.FastZaps);
        Assert.True(counters.TablesAtToggle > 0);
        Assert.InRange(counters.TablesZapped, 0, counters.TablesAtToggle);
        f.Verify();
    }

    /// <summary>
    /// A zap waits for a vCPU that has not left the guest yet, with mmu_lock free: another one goes on, with new tables, and writes to a
    /// table of the guest that the first one's obsolete tables are made from. That is noticed for new tables only, so the first vCPU's
    /// fence has it leave the old ones.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_vcpu_still_in_an_obsolete_root_leaves_it_at_the_guests_fence(bool oneAddress)
    {
        using var f = NewGuest(out var root, vcpus: 2);
        var entry = f.MapAt(root, 3, Va, 0x100, RwxAd);
        f.Poke(0x10_0000, 100);
        f.Poke(0x10_1000, 101);
        f.SetSlot(1, 1UL << 32, Page, f.Hva);
        foreach (var cpu in f.Cpus) Assert.Equal(100UL, cpu.Load(Va));
        var generation = f.Mmu.Pages.Generation;
        Thread zapper = new(() => f.SetSlot(1, 0, 0, default));
        Thread other = new(() => f.Cpus[1].Store(Linear + entry, TestFormat.Leaf(0x101, RwxAd)));
        var vcpu = f.Cpus[0].Vcpu;
        ulong before = 0, unfenced = 0, after = 0;
        var met = false;
        f.Cpus[0].Do(() =>
        {
            before = Read(vcpu, Va);
            zapper.Start();
            SpinWait.SpinUntil(() => f.Mmu.Pages.Generation != generation && vcpu.RequestPending);
            other.Start();
            // No measure of anything: a zap that keeps mmu_lock would hang the test here.
            met = other.Join(TimeSpan.FromSeconds(60));
            unfenced = Read(vcpu, Va);
            if (oneAddress) vcpu.InvalidateGuestPage(new Gva(Va));
            else vcpu.SyncGuest();
            after = Read(vcpu, Va);
        });
        Assert.True(met);
        zapper.Join();
        Assert.Equal(100UL, before);
        Assert.True(unfenced is 100 or 101);
        Assert.Equal(101UL, after);
        f.Verify();
    }

    /// <summary>One bit of generation: however often it toggles, nothing of an earlier turn is taken for current.</summary>
    [Fact]
    public void The_generation_may_toggle_for_ever()
    {
        using var f = NewGuest(out _, vcpus: 1);
        for (ulong i = 0; i < 64; i++)
        {
            Assert.Equal(Outcome.Done, f.Cpu.Store(Linear + i * Page, i));
            Delete(f);
            Assert.Equal(0, f.Mmu.Pages.Count);
        }
        for (ulong i = 0; i < 64; i++) Assert.Equal(i, f.Cpu.Load(Linear + i * Page));
        f.Verify();
    }

    /// <summary>Above the limit the oldest go, but for those that vCPUs use as roots, whatever their age.</summary>
    [Fact]
    public void The_oldest_pages_make_room_and_roots_in_use_stay()
    {
        using var f = NewGuest(out var root, vcpus: 1);
        f.Mmu.PageLimit = 64;
        // Each address needs a page of its own, of level 1, and the guest a table.
        for (ulong i = 0; i < 300; i++) f.MapAt(root, 3, Va + i * (2UL << 20), i, RwxAd);
        for (ulong i = 0; i < 300; i++)
        {
            Assert.Equal(Outcome.Done, f.Cpu.Store(Va + i * (2UL << 20) + 8, i));
            Assert.InRange(f.Mmu.Pages.Count, 1, 64);
        }
        Assert.InRange(f.Mmu.Counters.ShadowPagesReclaimed, 200, 400);
        Assert.True(f.Mmu.Pages.Oldest == PageOfRoot(f.Cpu));
        for (ulong i = 0; i < 300; i++) Assert.Equal(i, f.Cpu.Load(Va + i * (2UL << 20) + 8));
        f.Verify();
    }

    private static ShadowFixture NewGuest(out ulong root, int vcpus)
    {
        ShadowFixture f = new(vcpus: vcpus);
        root = f.NewTable();
        f.MapLinear(root, 3);
        foreach (var cpu in f.Cpus) cpu.SetRoot(3, root);
        return f;
    }

    private static void Delete(ShadowFixture f)
    {
        f.SetSlot(1, 1UL << 32, Page, f.Hva);
        f.SetSlot(1, 0, 0, default);
    }

    private static int TablesInUse(ShadowFixture f) => f.Mmu.Allocator.InUse - f.Cpus.Sum(c => c.Vcpu.ShadowCache.TableCount);

    private static ShadowPage* PageOfRoot(PagingEngine cpu) => ShadowMmu.PageOf(cpu.Vcpu.Root.Entries);

    private static ulong Read(Vcpu vcpu, ulong address) =>
        vcpu.TranslateVirtual(new Gva(address), GuestAccess.Read, GuestPrivilege.Sum, out var t, out _) == TranslateStatus.Memory
        ? *(ulong*)t.HostPage : ulong.MaxValue;
}
