using Warren.HostMemory;
using Warren.Hypervisor;
using Warren.Hypervisor.Vcpus;

namespace Warren.Lab;

/// <summary>
/// Page tables of a guest in a slot of their own: a root, a middle table, and two last ones of which the middle one names one at a time.
/// They map windows, pages of guest virtual memory that lead to pages of guest physical memory, and themselves.
/// </summary>
public sealed class LabTables
{
    /// <summary>The slot that holds them.</summary>
    public const uint Slot = 9;

    /// <summary>The first window; they follow each other.</summary>
    public const ulong Windows = 0x100;

    private const ulong Root = 0x40;
    private const ulong Middle = 0x41;
    private const ulong Last = 0x42;
    private const int Pages = 4;
    private const GuestRights Rw = GuestRights.Read | GuestRights.Write | GuestRights.Execute;

    private readonly LabWorld _world;
    private readonly LabVm _vm;
    private readonly Hva _hva;
    private readonly ulong _marks;

    /// <param name="targets">Where each window leads at first, by the first of the last tables; by the second one window n leads where n ^
    /// 1 does.</param>
    /// <param name="areMarked">Whether A and D are set in every entry.</param>
    public LabTables(LabWorld world, LabVm vm, IReadOnlyList<ulong> targets, bool areMarked = true)
    {
        ArgumentNullException.ThrowIfNull(world);
        ArgumentNullException.ThrowIfNull(vm);
        ArgumentNullException.ThrowIfNull(targets);
        (_world, _vm) = (world, vm);
        _marks = areMarked ? ScriptedPageFormat.A | ScriptedPageFormat.D : 0;
        Count = targets.Count;
        vm.Tables = this;
        _hva = world.Map(Pages);
        vm.SetSlot(Slot, Root, Pages, _hva);
        vm.WriteGuest(Root, ScriptedPageFormat.Table(Middle));
        vm.WriteGuest(Middle, ScriptedPageFormat.Table(Last));
        for (var last = 0; last < 2; last++)
        {
            for (var i = 0; i < targets.Count; i++)
                vm.WriteGuest(Last + (ulong)last, Entry(targets[i ^ last]), WindowOffset(i));
            for (var page = Root; page < Root + Pages; page++)
                vm.WriteGuest(Last + (ulong)last, Entry(page), (int)page * sizeof(ulong));
        }
    }

    /// <summary>Windows.</summary>
    internal int Count { get; }

    /// <summary>The vCPU looks its addresses up here from now on.</summary>
    public static void Use(LabVcpu vcpu) => Checked(vcpu).SetRoot(Root);

    /// <summary>The guest has a window lead elsewhere, by a store to the first of the last tables; 0: nowhere.</summary>
    public void Remap(LabVcpu vcpu, int window, ulong gfn) => Checked(vcpu).Store(Last, gfn == 0 ? 0 : Entry(gfn), WindowOffset(window));

    /// <summary>The guest has the middle table name the first of the last tables or the second.</summary>
    public static void Turn(LabVcpu vcpu, int last) => Checked(vcpu).Store(Middle, ScriptedPageFormat.Table(Last + (ulong)last));

    /// <summary>The host drops the page of a table: 0 the root, 1 the middle one, 2 and 3 the last ones.</summary>
    public void Drop(int table) => _world.Discard(_hva + ((ulong)table * LabWorld.PageSize));

    /// <summary>The page that the tables as they stand lead a window to; null where nowhere.</summary>
    /// <param name="isLost">A table lies where no memory is.</param>
    internal Gfn? Target(int window, out bool isLost)
    {
        var table = Root;
        for (var level = 3; ; level--)
        {
            var word = _vm.ReadGuest(table, level == 1 ? WindowOffset(window) : 0);
            isLost = word is null;
            var entry = ScriptedPageFormat.Instance.Decode(word ?? 0, level, 0);
            if (!entry.IsPresent)
                return null;
            if (level == 1)
                return entry.Gfn;
            table = entry.Gfn.Value;
        }
    }

    private ulong Entry(ulong gfn) => ScriptedPageFormat.Page(gfn, Rw, _marks);

    private static int WindowOffset(int window) => ((int)Windows + window) * sizeof(ulong);

    private static LabVcpu Checked(LabVcpu vcpu)
    {
        ArgumentNullException.ThrowIfNull(vcpu);
        return vcpu;
    }
}
