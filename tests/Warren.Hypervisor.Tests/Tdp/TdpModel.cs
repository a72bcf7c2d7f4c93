using Warren.HostMemory;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Slots;

namespace Warren.Hypervisor.Tests.Tdp;

/// <summary>One operation of a random sequence; what the numbers mean depends on the kind.</summary>
public readonly record struct TdpOp(TdpOpKind Kind, int A, int B, int C);

public enum TdpOpKind
{
    CreateSlot,
    DeleteSlot,
    MoveSlot,
    ToggleLogging,
    GuestLoad,
    GuestStore,
    GuestFetch,
    HostWrite,
    DeviceWrite,
    Discard,
    Protect,
    GetDirtyLog,
    Age,
}

/// <summary>
/// Guest memory without any table: every access goes gpa → slot → host page by plain dictionaries. Runs beside a real VM and compares each
/// result.
/// </summary>
internal sealed class TdpModel : IDisposable
{
    private const ulong Page = TdpFixture.Page;
    private const ulong GpaBase = 0x4000_0000;
    private const int HostPages = 3 * 512;
    private const int GuestPages = 4 * 512;
    private const int Slots = 3;

    /// <summary>Pages worth hitting: edges of 2 MiB blocks and a few inside.</summary>
    private static readonly int[] Interesting = [0, 1, 2, 255, 510, 511];

    private static readonly int[] Sizes = [1, 3, 512, 513, 1024];

    private sealed class Slot
    {
        public required int Gfn;
        public required int Pages;
        public required int Host;
        public required bool ReadOnly;
        public bool Logging;
        public HashSet<int> Dirty = [];
    }

    private readonly TdpFixture _f;
    private readonly Hva _hva;
    private readonly ScriptedVcpu[] _cpus;
    private readonly Slot?[] _slots = new Slot?[Slots];
    private readonly Dictionary<int, ulong> _contents = [];
    private readonly HashSet<int> _readOnlyHost = [];

    public TdpModel(MmuKind mmu)
    {
        _f = new TdpFixture(mmu, poolBytes: 32L << 20);
        _hva = _f.Map(HostPages * Page, hugePages: true);
        _cpus = [new ScriptedVcpu(_f.Vm), new ScriptedVcpu(_f.Vm)];
    }

    private static int Pick(int n, int blocks) => n / Interesting.Length % blocks * 512 + Interesting[n % Interesting.Length];

    public void Apply(TdpOp op)
    {
        switch (op.Kind)
        {
            case TdpOpKind.CreateSlot:
                Create(op.A % Slots, Pick(op.B, 4), Pick(op.C, 3), Sizes[(op.A + op.B) % Sizes.Length],
                op.C % 8 == 7); break;
            case TdpOpKind.DeleteSlot: Delete(op.A % Slots); break;
            case TdpOpKind.MoveSlot: Move(op.A % Slots, Pick(op.B, 4)); break;
            case TdpOpKind.ToggleLogging: Toggle(op.A % Slots); break;
            case TdpOpKind.GuestLoad: Load(_cpus[op.A & 1], Pick(op.B, 4)); break;
            case TdpOpKind.GuestStore: Store(_cpus[op.A & 1], Pick(op.B, 4), (ulong)op.C + 1); break;
            case TdpOpKind.GuestFetch: Fetch(_cpus[op.A & 1], Pick(op.B, 4)); break;
            case TdpOpKind.HostWrite: HostWrite(Pick(op.A, 3), (ulong)op.C + 1); break;
            case TdpOpKind.DeviceWrite: DeviceWrite(Pick(op.B, 4), (ulong)op.C + 1); break;
            case TdpOpKind.Discard: Discard(Pick(op.A, 3), Sizes[op.B % Sizes.Length]); break;
            case TdpOpKind.Protect: Protect(Pick(op.A, 3), Sizes[op.B % Sizes.Length], op.C % 2 == 0); break;
            case TdpOpKind.GetDirtyLog: GetDirtyLog(op.A % Slots); break;
            default: _f.Memory.Age(_hva, HostPages * Page, clear: op.A % 2 == 0); break;
        }
    }

    public void Verify() => _f.Verify();

    private static ulong Gpa(int page) => GpaBase + (ulong)page * Page;

    private bool Overlaps(int except, int gfn, int pages) =>
        _slots.Where((s, i) => s is not null && i != except).Any(s => gfn < s!.Gfn + s.Pages && s.Gfn < gfn + pages);

    private void Set(int id, Slot slot)
    {
        var flags = (slot.ReadOnly ? MemslotFlags.ReadOnly : 0) | (slot.Logging ? MemslotFlags.LogDirtyPages : 0);
        _f.SetSlot((uint)id, Gpa(slot.Gfn), (ulong)slot.Pages * Page, _hva + (ulong)slot.Host * Page, flags);
    }

    private void Create(int id, int gfn, int host, int pages, bool readOnly)
    {
        if (_slots[id] is not null) return;
        pages = Math.Min(pages, HostPages - host);
        Slot slot = new() { Gfn = gfn, Pages = pages, Host = host, ReadOnly = readOnly };
        if (Overlaps(id, gfn, pages))
        {
            Assert.Equal(Errno.EEXIST, Assert.Throws<MemslotException>(() => Set(id, slot)).Errno);
            return;
        }
        Set(id, slot);
        _slots[id] = slot;
    }

    private void Delete(int id)
    {
        if (_slots[id] is null) return;
        _f.DeleteSlot((uint)id);
        _slots[id] = null;
    }

    private void Move(int id, int gfn)
    {
        if (_slots[id] is not { } old || old.Gfn == gfn) return;
        Slot moved =
            new() { Gfn = gfn, Pages = old.Pages, Host = old.Host, ReadOnly = old.ReadOnly, Logging = old.Logging, Dirty = old.Dirty };
        if (Overlaps(id, gfn, old.Pages))
        {
            Assert.Equal(Errno.EEXIST, Assert.Throws<MemslotException>(() => Set(id, moved)).Errno);
            return;
        }
        Set(id, moved);
        _slots[id] = moved;
    }

    private void Toggle(int id)
    {
        if (_slots[id] is not { } slot) return;
        slot.Logging = !slot.Logging;
        slot.Dirty = [];
        Set(id, slot);
    }

    private (Slot? Slot, int Host) Find(int page)
    {
        var slot = _slots.FirstOrDefault(s => s is not null && page >= s.Gfn && page < s.Gfn + s.Pages);
        return (slot, slot is null ? -1 : slot.Host + page - slot.Gfn);
    }

    private ulong Contents(int host) => _contents.GetValueOrDefault(host);

    private void Load(ScriptedVcpu cpu, int page)
    {
        (var slot, var host) = Find(page);
        var value = cpu.Load<ulong>(Gpa(page));
        Assert.Equal(slot is null ? GuestAccessResult.AccessFault : GuestAccessResult.Memory, cpu.Result);
        Assert.Equal(slot is null ? 0 : Contents(host), value);
    }

    private void Fetch(ScriptedVcpu cpu, int page)
    {
        (var slot, var host) = Find(page);
        var value = cpu.Fetch(Gpa(page));
        Assert.Equal(slot is null ? GuestAccessResult.AccessFault : GuestAccessResult.Memory, cpu.Result);
        Assert.Equal(slot is null ? 0 : (uint)Contents(host), value);
    }

    private void Store(ScriptedVcpu cpu, int page, ulong value)
    {
        (var slot, var host) = Find(page);
        cpu.Store(Gpa(page), value);
        var works = slot is { ReadOnly: false } && !_readOnlyHost.Contains(host);
        Assert.Equal(works ? GuestAccessResult.Memory : GuestAccessResult.AccessFault, cpu.Result);
        if (works) Written(slot!, page, host, value);
    }

    private void Written(Slot slot, int page, int host, ulong value)
    {
        _contents[host] = value;
        if (slot.Logging) slot.Dirty.Add(page - slot.Gfn);
    }

    private void HostWrite(int host, ulong value)
    {
        if (_readOnlyHost.Contains(host)) return;
        _f.WriteHost(_hva + (ulong)host * Page, value);
        _contents[host] = value;
    }

    private void DeviceWrite(int page, ulong value)
    {
        (var slot, var host) = Find(page);
        var works = slot is { ReadOnly: false } && !_readOnlyHost.Contains(host);
        Assert.Equal(works, _f.Vm.WriteGuest(new Gpa(Gpa(page)), BitConverter.GetBytes(value)));
        if (works) Written(slot!, page, host, value);
    }

    private void Discard(int host, int pages)
    {
        pages = Math.Min(pages, HostPages - host);
        _f.Memory.Discard(_hva + (ulong)host * Page, (ulong)pages * Page);
        for (var i = 0; i < pages; i++) _contents.Remove(host + i);
    }

    private void Protect(int host, int pages, bool writable)
    {
        pages = Math.Min(pages, HostPages - host);
        _f.Memory.Protect(_hva + (ulong)host * Page, (ulong)pages * Page,
            writable ? VmaProtection.Read | VmaProtection.Write : VmaProtection.Read);
        for (var i = 0; i < pages; i++)
        {
            if (writable) _readOnlyHost.Remove(host + i);
            else _readOnlyHost.Add(host + i);
        }
    }

    private void GetDirtyLog(int id)
    {
        var bitmap = new ulong[GuestPages / 64];
        if (_slots[id] is not { Logging: true } slot)
        {
            Assert.Equal(Errno.ENOENT, Assert.Throws<MemslotException>(() => _f.Vm.GetDirtyLog((uint)id, bitmap)).Errno);
            return;
        }
        _f.Vm.GetDirtyLog((uint)id, bitmap);
        List<int> dirty = [.. Enumerable.Range(0, slot.Pages).Where(i => (bitmap[i / 64] >> i % 64 & 1) != 0)];
        Assert.Equal(slot.Dirty.Order(), dirty);
        slot.Dirty.Clear();
    }

    public void Dispose() => _f.Dispose();
}
