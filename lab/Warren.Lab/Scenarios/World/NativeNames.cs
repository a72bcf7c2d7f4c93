using System.Reflection;
using System.Runtime.InteropServices;
using Warren.HostMemory;
using Warren.Hypervisor;

namespace Warren.Lab;

/// <summary>
/// What a word of native memory of a <see cref="LabWorld"/> is, for traces: guest memory, a frame's metadata, a vCPU's state, an SPTE, an entry of the host's page table. Looks without
/// a step or a lock, while every thread stands still.
/// </summary>
internal sealed unsafe class NativeNames(LabWorld world)
{
    private static readonly Dictionary<int, string> s_frameFields = Fields<FrameInfo>();
    private static readonly Dictionary<int, string> s_vcpuFields = Fields<VcpuState>();
    private static readonly Dictionary<int, string> s_tableFields = Fields<TableInfo>();

    public string? Of(nint address)
    {
        var at = (byte*)address;
        if (OfFrame(at) is { } frame)
            return frame;
        foreach (var vm in world.VmList)
        {
            if (!vm.IsDisposed && (OfVcpu(vm, at) ?? OfTable(vm, at)) is { } name)
                return world.VmList.Count == 1 ? name : $"{vm}: {name}";
        }

        return OfHostEntry(at);
    }

    private string? OfFrame(byte* at)
    {
        var pool = world.Pool;
        var inside = (nuint)(at - pool.Base);
        if (inside < (nuint)pool.Capacity << FramePool.PageShift)
        {
            var offset = inside & FramePool.PageSize - 1;
            return $"frame {inside >> FramePool.PageShift}{(offset == 0 ? "" : $"+{offset}")}";
        }

        fixed (FrameInfo* first = &pool.Info(0))
        {
            inside = (nuint)(at - (byte*)first);
            return inside < (nuint)pool.Capacity * FrameInfo.Bytes ? $"frame {inside / FrameInfo.Bytes}.{Field(s_frameFields, (int)(inside % FrameInfo.Bytes))}" : null;
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
                if (world.Memory.PeekSlot(hva) == at)
                    return $"PTE hva 0x{hva:x}";
            }
        }

        return null;
    }

    private static string Field(Dictionary<int, string> fields, int offset) => fields.GetValueOrDefault(offset) ?? $"+{offset}";

    private static Dictionary<int, string> Fields<T>()
        where T : unmanaged =>
        typeof(T).GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic).ToDictionary(static f => (int)Marshal.OffsetOf<T>(f.Name), static f => f.Name);
}
