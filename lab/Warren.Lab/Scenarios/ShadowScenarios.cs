using Warren.HostMemory;
using Warren.Hypervisor.Slots;
using Warren.Hypervisor.Vcpus;

namespace Warren.Lab;

/// <summary>
/// Guests with page tables of their own over a shadow MMU: their tables change, are fenced, taken away and used at the same time. Each ends
/// with an audit: every SPTE against the guest's tables, every reverse map, mark, link and count.
/// </summary>
internal static class ShadowScenarios
{
    // Guest physical, and mapped one to one as long as a scenario does not say otherwise.
    private const ulong Root = 0x10;
    private const ulong Middle = 0x11;
    private const ulong Last = 0x12;
    private const ulong DataA = 0x13;
    private const ulong DataB = 0x14;
    private const ulong OtherLast = 0x15;
    private const ulong SecondRoot = 0x16;
    private const ulong SecondMiddle = 0x17;
    private const int Pages = 8;

    /// <summary>A page of guest virtual memory that leads to <see cref="DataA"/> at first.</summary>
    private const ulong Window = 0x1f;

    /// <summary>The same by way of a second table of the last level, which is entry 1 of the middle one.</summary>
    private const ulong OtherWindow = 512 + Window;

    private const GuestRights Rw = GuestRights.Read | GuestRights.Write;
    private const ulong Marks = ScriptedPageFormat.A | ScriptedPageFormat.D;

    internal static IReadOnlyList<Scenario> All { get; } =
    [
        new DelegateScenario("unsync-vs-fence",
            "A guest remaps a page by a store to a table that is still watched, while another vCPU fences.", s =>
        {
            var (world, vm) = Guest(s);
            vm.Vcpus[1].Load(Window);
            RemapAndFence(world, vm);
        },
        """
        The store faults: the table's shadow is marked unsync, and so are all above it, before the table becomes writable. A fence looks at
        its root's mark without a lock. Whoever fences after the store must find the mark, and bring the shadow in step.
        """),
        new DelegateScenario("sync-vs-write",
            "A guest remaps a page by a store through its TLB, while the table's shadow is brought in step.", s =>
        {
            var (world, vm) = Guest(s);
            vm.Vcpus[1].Load(Window);
            vm.Vcpus[0].Store(Last, Entry(1));
            RemapAndFence(world, vm);
        },
        """
        Bringing a page in step takes W from its table, has every vCPU drop its TLB, and only then reads: what is written before is read,
        what is written later faults and is noticed.
        """),
        new DelegateScenario("fence-for-one-vs-write", "As sync-vs-write, with a fence for one address.", s =>
        {
            var (world, vm) = Guest(s);
            vm.Vcpus[1].Load(Window);
            vm.Vcpus[0].Store(Last, Entry(1));
            RemapAndFence(world, vm, Window);
        }),
        new DelegateScenario("link-unsync-child", "A vCPU links a table to its root whose shadow is unsync under another root.", s =>
        {
            var (world, vm) = Guest(s);
            // The second root shares the last table and has not been used with it.
            vm.WriteGuest(SecondRoot, ScriptedPageFormat.Table(SecondMiddle));
            vm.WriteGuest(SecondMiddle, ScriptedPageFormat.Table(Last));
            vm.Vcpus[0].Load(Window);
            vm.Vcpus[0].Store(Last, Entry(1));
            vm.Vcpus[1].SetRoot(SecondRoot);
            RemapAndFence(world, vm);
        },
        """
        The fence of the second vCPU finds nothing below its own root to be brought in step, and the fault that follows links the page that
        is unsync. From then on nobody else would bring it in step for this vCPU, whose fence is past: so the page must be in step before it
        is linked (65855ed8b034).
        """),
        new DelegateScenario("tracked-write-vs-fault",
            "A guest turns a middle table to another last one, while another vCPU faults through it.", s =>
        {
            var (world, vm) = Guest(s);
            var turned = new Cell();
            world.Thread("writer", () =>
            {
                vm.Vcpus[0].Store(Middle, ScriptedPageFormat.Table(OtherLast));
                turned.Value = 1;
            });
            world.Thread("reader", () =>
            {
                var after = turned.Value != 0;
                vm.Vcpus[1].Fence();
                Expect(world, vm.Vcpus[1].Load(Window), after);
            });
        },
        """
        Tables above the last level are watched always: a store to one is done under mmu_lock, and its SPTE goes. A fault has walked the
        tables before it took mmu_lock; it reads each entry again when the table is watched, and starts again if one has changed.
        """),
        new DelegateScenario("root-zapped-in-use",
            "A guest writes to its root as to data until it is taken for a table no more, while another vCPU uses it.", s =>
        {
            var (world, vm) = Guest(s);
            vm.Vcpus[1].Load(Window);
            world.Thread("writer", () => vm.Vcpus[0].Run(new GuestInstruction[]
            {
                new(GuestOperation.Store, Root, 0, 0xf00), new(GuestOperation.Store, Root, 0, 0xf00),
                new(GuestOperation.Store, Root, 0, 0xf00),
            }));
            world.Thread("reader", () =>
            {
                vm.Vcpus[1].Fence();
                if (vm.Vcpus[1].Load(Window) != 1)
                    world.Fail(VerdictKind.Invariant, "The reader's page was not changed, and it read something else.");
            });
        },
        """
        The root page is in use, so it is not freed: it is marked invalid, off the list, and each vCPU is asked to let go of it, in that
        order. The last one that does frees it.
        """),
        new DelegateScenario("discarded-table-vs-fault", "The host drops the page of a guest's table while a vCPU faults through it.", s =>
        {
            var (world, vm) = Guest(s);
            var discarded = new Cell();
            world.Thread("discard", () =>
            {
                world.Discard(HvaOf(world, OtherLast));
                discarded.Value = 1;
            });
            world.Thread("vcpu", () =>
            {
                var after = discarded.Value != 0;
                vm.Vcpus[1].Fence();
                vm.Vcpus[1].Load(OtherWindow);
                if (after && vm.Vcpus[1].Result != GuestAccessResult.PageFault)
                {
                    world.Fail(VerdictKind.Invariant,
                        $"The table is all zeroes, and an access through it ended with {vm.Vcpus[1].Result}.");
                }
            });
        },
        """
        The notification takes away what was made from the table, as it takes away what maps it; and while it is under way no shadow of the
        table is made. Whoever looks the table's frame up does so under mmu_lock, without sleeping, and finds it there or gives up.
        """),
        new DelegateScenario("dirty-bit-vs-discard", "A walk sets D in a guest's table while the host drops that table's page.", s =>
        {
            var (world, vm) = Guest(s, ScriptedPageFormat.A);
            vm.Vcpus[1].Load(OtherWindow);
            world.Thread("discard", () => world.Discard(HvaOf(world, OtherLast)));
            world.Thread("vcpu", () => vm.Vcpus[1].Store(OtherWindow, 9));
            s.AtEnd("the table stays dropped",
                () => vm.ReadGuest(OtherLast, (int)Window * 8) is 0 ? null
                    : "D was set in a table that the host had dropped, and with it the entry came back");
        },
        """
        D is set as the guest would store it: under mmu_lock, into the frame that no notification is about to take. If the entry is not what
        the walk read, the access starts again.
        """),
        new DelegateScenario("slot-with-tables-deleted", "The slot that holds a guest's table is deleted while a vCPU faults through it.",
            s =>
        {
            var (world, vm) = Guest(s);
            vm.SetSlot(1, 0x20, 1, world.Map(1));
            vm.WriteGuest(0x20, ScriptedPageFormat.Page(DataB, Rw, Marks), (int)Window * 8);
            vm.WriteGuest(Middle, ScriptedPageFormat.Table(0x20), 8);
            LoadWhileDeleted(world, vm, OtherWindow, "table");
        },
        """
        A shadow page is accounted in the slot of its table, so it must be gone before the slot's counts are (fcd1ec9cb59c). The deletion
        makes every page obsolete once no fault that found the slot valid is left; none is made from an invalid slot.
        """),
        new DelegateScenario("slot-with-root-deleted", "The slot that holds a guest's root is deleted while a vCPU uses it.", s =>
        {
            var (world, vm) = Guest(s);
            vm.SetSlot(1, 0x20, 1, world.Map(1));
            vm.WriteGuest(0x20, ScriptedPageFormat.Table(Middle));
            vm.Vcpus[1].SetRoot(0x20);
            vm.Vcpus[1].Load(Window);
            LoadWhileDeleted(world, vm, Window, "root");
        },
        """
        The vCPU is asked to let go of its root and looks for the new one at once, while the slot is still there and marked invalid. It must
        not make one from it.
        """),
        new DelegateScenario("lost-sptes-vs-discard",
            "A fence takes SPTEs away, and then the host the page they led to, while another vCPU has it in its TLB.", s =>
        {
            var (world, vm) = Guest(s);
            vm.Vcpus[0].Load(Window);
            vm.Vcpus[1].Load(Window);
            vm.Vcpus[0].Store(Last, Entry(DataB), (int)Window * 8);
            world.Thread("reader",
                () => vm.Vcpus[1].Run(new GuestInstruction[] { new(GuestOperation.Load, Window), new(GuestOperation.Load, Window) }));
            world.Thread("fence", () =>
            {
                vm.Vcpus[0].Fence();
                world.Discard(HvaOf(world, DataA));
            });
        },
        """
        Once its SPTE is gone a notification for the page finds nothing to be flushed. So whoever takes an SPTE away flushes every vCPU that
        may have cached it before mmu_lock is free, even though the guest's own rules would let the others keep their translation.
        """),
        new DelegateScenario("fast-write-vs-tracking", "A page becomes a table in use while a vCPU gives W back to it without a lock.", s =>
        {
            var (world, vm) = Guest(s, flags: MemslotFlags.LogDirtyPages, roots: 0);
            vm.Vcpus[0].Store(Last, 0);
            vm.GetDirtyLog(0);
            var turned = new Cell();
            world.Thread("writer", () =>
            {
                vm.Vcpus[0].Store(Last, Entry(DataB), (int)Window * 8);
                turned.Value = 1;
            });
            world.Thread("reader", () =>
            {
                vm.Vcpus[1].SetRoot(Root);
                vm.Vcpus[1].Load(Window);
                var after = turned.Value != 0;
                vm.Vcpus[1].Fence();
                Expect(world, vm.Vcpus[1].Load(Window), after);
            });
        },
        """
        W was taken for dirty logging only, so that a write fault may give it back by a compare-exchange. When the page becomes a table to
        be watched the permission to do so goes together with W, in one step, and a flush follows before the table is read.
        """),
    ];

    private static Hva HvaOf(LabWorld world, ulong gfn) => world.Mapped[0].Start + ((gfn - Root) * LabWorld.PageSize);

    private static ulong Entry(ulong gfn) => ScriptedPageFormat.Page(gfn, Rw, Marks);

    /// <summary>
    /// Writer: turns the window to the second page. Reader: fences, and looks. What the guest is promised holds for a fence that follows
    /// the store.
    /// </summary>
    private static void RemapAndFence(LabWorld world, LabVm vm, ulong page = 0)
    {
        var turned = new Cell();
        world.Thread("writer", () =>
        {
            vm.Vcpus[0].Store(Last, Entry(DataB), (int)Window * 8);
            turned.Value = 1;
        });
        world.Thread("reader", () =>
        {
            var after = turned.Value != 0;
            if (page == 0)
                vm.Vcpus[1].Fence();
            else
                vm.Vcpus[1].Fence(page);
            Expect(world, vm.Vcpus[1].Load(Window), after);
        });
    }

    /// <summary>Slot 1, which holds a table of the guest, is deleted, while a vCPU loads through the table.</summary>
    private static void LoadWhileDeleted(LabWorld world, LabVm vm, ulong page, string table)
    {
        var deleted = new Cell();
        world.Thread("delete", () =>
        {
            vm.DeleteSlot(1);
            deleted.Value = 1;
        });
        world.Thread("vcpu", () =>
        {
            var after = deleted.Value != 0;
            vm.Vcpus[1].Load(page);
            if (after && vm.Vcpus[1].Result != GuestAccessResult.AccessFault)
                world.Fail(VerdictKind.Invariant, $"The {table}'s slot is gone, and an access through it ended with {vm.Vcpus[1].Result}.");
        });
    }

    private static void Expect(LabWorld world, ulong found, bool after)
    {
        if (found != 2 && (after || found != 1))
        {
            world.Fail(VerdictKind.Invariant,
                $"The guest {(after ? "had turned its table to page B, fenced" : "is turning its table to page B")}, and read {found}.");
        }
    }

    /// <summary>
    /// Two vCPUs over one slot: a root, a middle table, two last ones, two pages of data that begin with 1 and 2. Tables are written by the
    /// host before anybody uses them.
    /// </summary>
    /// <param name="schedule">What is being built.</param>
    /// <param name="marks">A and D of the leaf for <see cref="OtherWindow"/>.</param>
    /// <param name="flags">Of the slot.</param>
    /// <param name="roots">vCPUs that have their root at once.</param>
    private static (LabWorld World, LabVm Vm) Guest(Schedule schedule, ulong marks = Marks, MemslotFlags flags = MemslotFlags.None,
        int roots = 2)
    {
        var world = new LabWorld(schedule);
        var hva = world.Map(Pages);
        var vm = world.AddVm(2, RmapScenarios.Shadow);
        vm.SetSlot(0, Root, Pages, hva, flags);
        vm.WriteGuest(Root, ScriptedPageFormat.Table(Middle));
        vm.WriteGuest(Middle, ScriptedPageFormat.Table(Last));
        vm.WriteGuest(Middle, ScriptedPageFormat.Table(OtherLast), 8);
        vm.WriteGuest(OtherLast, ScriptedPageFormat.Page(DataB, Rw, marks), (int)Window * 8);
        for (var gfn = Root; gfn <= DataB; gfn++)
            vm.WriteGuest(Last, Entry(gfn), (int)gfn * 8);
        vm.WriteGuest(Last, Entry(DataA), (int)Window * 8);
        vm.WriteGuest(DataA, 1);
        vm.WriteGuest(DataB, 2);
        for (var i = 0; i < roots; i++)
            vm.Vcpus[i].SetRoot(Root);
        schedule.AtEnd("nothing went wrong", () => vm.Vm.ErrorReason);
        return (world, vm);
    }
}
