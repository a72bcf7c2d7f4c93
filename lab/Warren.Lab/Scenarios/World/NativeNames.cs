using System.Reflection;
using System.Runtime.InteropServices;
using Warren.HostMemory;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Vcpus;

namespace Warren.Lab;

/// <summary>
/// The names of words of native memory of a <see cref="LabWorld"/>, for traces: guest memory, a frame's metadata, a vCPU's state, an SPTE,
/// an rmap head, an entry of the host's page table; and what the values of entries and pointers say. Looks without a step or a lock, while
/// every thread stands still.
/// </summary>
internal sealed unsafe class NativeNames(LabWorld world)
{
    private static readonly Dictionary<int, string> s_frameFields = Fields<FrameInfo>();
    private static readonly Dictionary<int, string> s_vcpuFields = Fields<VcpuState>();
    private static readonly Dictionary<int, string> s_tableFields = Fields<TableInfo>();

    private const int HostLevels = 4;

    public string? Of(nint address)
    {
        var at = (byte*)address;
        if (OfFrame(at) is { } frame)
            return frame;
        foreach (var vm in world.VmList)
        {
            if (!vm.IsDisposed && (OfVcpu(vm, at) ?? OfTable(vm, at) ?? OfRmap(vm, at)) is { } name)
                return world.VmList.Count == 1 ? name : $"{vm}: {name}";
        }

        return OfHostEntry(at);
    }

    /// <param name="place">Where the value was read or written; 0 when that is no native memory.</param>
    public string? MeaningOf(nint place, long value)
    {
        foreach (var vm in world.VmList)
        {
            if (vm.IsDisposed)
                continue;
            var allocator = vm.Vm.Mmu.Allocator;
            if (place != 0 && allocator.TableAt((void*)place, out var field) is not null && field < 0)
                return MeaningOf(vm, new Spte((ulong)value));
            if ((TableNameAt(vm, (void*)value) ?? OfTable(vm, (byte*)value)) is { } name)
                return name;
        }

        return place != 0 && OfHostEntry((byte*)place) is not null ? new HostPte((ulong)value).ToString() : null;
    }

    private static string MeaningOf(LabVm vm, Spte entry) =>
        entry.IsTable ? TableNameAt(vm, entry.Table) ?? "a table that is gone" : entry.ToString();

    private static string? TableNameAt(LabVm vm, void* address) =>
        vm.Vm.Mmu.Allocator.TableAt(address, out var field) is var table && table == address && field < 0 && table is not null
        ? TableName(TableAllocator.InfoOf(table)) : null;

    private string? OfFrame(byte* at)
    {
        var pool = world.Pool;
        var inside = (nuint)(at - pool.Base);
        if (inside < (nuint)pool.Capacity << FramePool.PageShift)
        {
            var offset = inside & FramePool.PageSize - 1;
            return $"frame {inside >> FramePool.PageShift}{(offset == 0 ? "" : $"+{offset}")}";
        }

        fixed (FrameInfo* first = &pool.Info(Pfn.None))
        {
            inside = (nuint)(at - (byte*)first);
            return inside < (nuint)pool.Capacity * FrameInfo.Bytes
                ? $"frame {inside / FrameInfo.Bytes}.{Field(s_frameFields, (int)(inside % FrameInfo.Bytes))}" : null;
        }
    }

    private static string? OfVcpu(LabVm vm, byte* at)
    {
        for (var i = 0; i < vm.VcpuList.Count; i++)
        {
            var inside = (nuint)(at - (byte*)vm.VcpuList[i].Vcpu.State);
            if (inside < (nuint)sizeof(VcpuState))
                return $"vcpu{i}.{Field(s_vcpuFields, (int)inside)}";
        }

        return null;
    }

    private static string? OfTable(LabVm vm, byte* at)
    {
        var table = vm.Vm.Mmu.Allocator.TableAt(at, out var field);
        if (table is null)
            return null;
        var info = TableAllocator.InfoOf(table);
        if (field >= 0)
            return $"{TableName(info)}.{Field(s_tableFields, field)}";
        var index = (int)(at - (byte*)table) / sizeof(ulong);
        return info->ShadowPage is null && info->Level is >= 1 and <= 5
            ? $"SPTE L{info->Level} gfn 0x{info->Gfn + ((ulong)index * SpteTable.PagesPerEntry(info->Level)):x}"
            : $"{TableName(info)} SPTE[{index}]";
    }

    private static string? OfRmap(LabVm vm, byte* at)
    {
        for (var space = 0; space < vm.Vm.Options.AddressSpaces; space++)
        {
            foreach (var slot in vm.Vm.GetMemslots(space))
            {
                for (var (gfn, rmaps) = (slot.BaseGfn, slot.Rmaps); rmaps is not null && gfn < slot.EndGfn; gfn++)
                {
                    for (var level = 1; level <= SlotRmaps.Levels; level++)
                    {
                        if (rmaps.Head(gfn, level) == at)
                            return $"rmap L{level} gfn 0x{gfn:x}";
                    }
                }
            }
        }

        return null;
    }

    private static string TableName(TableInfo* info)
    {
        if (info->ShadowPage is null)
            return $"table L{info->Level} gfn 0x{info->Gfn:x}";
        var page = (ShadowPage*)info->ShadowPage;
        return $"shadow page of gfn 0x{page->Gfn:x}";
    }

    private string? OfHostEntry(byte* at)
    {
        foreach (var (start, end) in world.Mapped)
        {
            for (var hva = start; hva < end; hva += LabWorld.PageSize)
            {
                for (var level = 1; level <= HostLevels; level++)
                {
                    var found = level;
                    if (world.Memory.PeekSlot(hva, ref found) == at)
                        return found == 1 ? $"PTE hva 0x{hva:x}" : $"PTE L{found} of hva 0x{hva:x}";
                }
            }
        }

        return null;
    }

    private static string Field(Dictionary<int, string> fields, int offset) => fields.GetValueOrDefault(offset) ?? $"+{offset}";

    private static Dictionary<int, string> Fields<T>()
        where T : unmanaged =>
        typeof(T).GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)
        .ToDictionary(static f => (int)Marshal.OffsetOf<T>(f.Name), static f => f.Name);
}
