using Warren.Hypervisor.Vcpus;
using Warren.Locking;

namespace Warren.Hypervisor.Tests.Shadow;

/// <summary>
/// Entries of guest tables for tests: bits 0..7 V R W X U - A D, gfn in bits 12 and up. Reserved: W without R, and a pointer in a table of
/// level 1.
/// </summary>
internal sealed class TestFormat : IGuestPageFormat
{
    public const ulong V = 1;
    public const ulong R = 2;
    public const ulong W = 4;
    public const ulong X = 8;
    public const ulong U = 16;
    public const ulong A = 64;
    public const ulong D = 128;

    public static readonly TestFormat Instance = new();

    public static ulong Leaf(ulong gfn, ulong bits) => gfn << 12 | V | bits;

    public static ulong Table(ulong gfn) => gfn << 12 | V;

    public GuestPte Decode(ulong bits, int level, int index)
    {
        var gfn = bits >> 12;
        var leaf = (bits & (R | W | X)) != 0;
        var present = (bits & V) != 0 && (bits & (R | W)) != W && (leaf ? (gfn & (1UL << (level - 1) * 9) - 1) == 0 : level > 1);
        return new GuestPte
        {
            IsPresent = present,
            IsLeaf = leaf,
            Gfn = new Gfn(gfn),
            Rights = (GuestRights)((bits & (R | W | X)) >> 1) | ((bits & U) != 0 ? GuestRights.User : 0),
            Accessed = (bits & A) != 0,
            Dirty = (bits & D) != 0,
        };
    }
}

/// <summary>How an access of <see cref="PagingEngine"/> went.</summary>
internal enum Outcome
{
    Done,
    PageFault,
    AccessFault,
    Mmio,
    Stopped,
}

/// <summary>
/// A guest CPU without instructions: what it does is told to it access by access (<see cref="Do"/>). It walks tables of
/// <see cref="TestFormat"/>, setting A and D itself unless <see cref="SetsBits"/> is off, and caches translations for as long as it may.
/// </summary>
internal sealed unsafe class PagingEngine : IVcpuEngine
{
    private readonly Dictionary<(ulong Page, GuestAccess Access, GuestPrivilege Mode), nuint> _tlb = [];
    private Action? _action;

    public PagingEngine(VirtualMachine vm)
    {
        Vm = vm;
        Vcpu = vm.CreateVcpu(this);
    }

    public VirtualMachine Vm { get; }
    public Vcpu Vcpu { get; }
    public GuestPrivilege Mode { get; set; } = GuestPrivilege.Sum;
    public bool SetsBits { get; set; } = true;
    public Outcome Last { get; private set; }
    /// <summary>Guest physical address of the last access that was Mmio.</summary>
    public ulong MmioAddress { get; private set; }
    public int TlbFlushes { get; private set; }
    public int TlbMisses { get; private set; }
    public int TrackedStores { get; private set; }
    public int Walks { get; private set; }
    /// <summary>Runs in the middle of each walk of the guest's tables, once it has read them.</summary>
    public Action? AfterWalk { get; set; }

    public IGuestPageFormat PageFormat => TestFormat.Instance;

    public void FlushTlb()
    {
        TlbFlushes++;
        _tlb.Clear();
    }

    public VcpuExit Execute(Vcpu vcpu, ref long budget)
    {
        if (vcpu.RequestPending) return new(VcpuExitReason.Interrupted);
        budget--;
        Last = Outcome.Done;
        _action!();
        return Last == Outcome.Stopped ? new(VcpuExitReason.Interrupted) : new(VcpuExitReason.EnvironmentCall);
    }

    /// <summary>Runs one action in guest mode, to its end.</summary>
    public VcpuExitReason Do(Action action)
    {
        _action = action;
        for (; ; )
        {
            long budget = 1;
            var reason = Vcpu.Run(ref budget).Reason;
            if (reason is not (VcpuExitReason.Interrupted or VcpuExitReason.Budget)) return reason;
        }
    }

    public void SetRoot(int levels, ulong gfn) => Do(() =>
    {
        Vcpu.SetGuestRoot(new GuestRoot(levels, new Gfn(gfn)));
        _tlb.Clear();
    });

    public void Fence() => Do(() =>
    {
        Vcpu.SyncGuest();
        _tlb.Clear();
    });

    public void Fence(ulong address) => Do(() =>
    {
        Vcpu.InvalidateGuestPage(new Gva(address));
        // No more than it must.
        foreach (var key in _tlb.Keys.Where(key => key.Page >> 4 == address >> 16).ToArray()) _tlb.Remove(key);
    });

    public ulong Load(ulong address)
    {
        ulong value = 0;
        Do(() =>
        {
            var host = Find(address, GuestAccess.Read, out _);
            if (host != null) value = Atomics.Read(ref *(ulong*)host);
        });
        return value;
    }

    public Outcome Store(ulong address, ulong value)
    {
        Do(() =>
        {
            var host = Find(address, GuestAccess.Write, out var tracked);
            if (host != null) Atomics.Write(ref *(ulong*)host, value);
            else if (tracked != 0) StoreTracked(tracked, value);
        });
        return Last;
    }

    /// <summary>An atomic compare-exchange; the value found.</summary>
    public ulong CompareExchange(ulong address, ulong expected, ulong value)
    {
        ulong found = 0;
        Do(() =>
        {
            var host = Find(address, GuestAccess.Write, out var tracked);
            if (host != null) found = Atomics.CompareExchange(ref *(ulong*)host, value, expected);
            else if (tracked != 0) Vcpu.CompareExchangeTracked(new Gpa(tracked), expected, value, out found);
        });
        return found;
    }

    /// <summary>Loads from pages in a row, all in one run of the engine; how many until one was stopped.</summary>
    public int LoadRun(ulong address, int pages, out VcpuExitReason reason)
    {
        var done = 0;
        reason = Do(() =>
        {
            for (done = 0; done < pages; done++)
            {
                Find(address + (ulong)done * 4096, GuestAccess.Read, out _);
                if (Last != Outcome.Done) return;
            }
        });
        return done;
    }

    public Outcome Fetch(ulong address)
    {
        Do(() => Find(address, GuestAccess.Execute, out _));
        return Last;
    }

    private void StoreTracked(ulong gpa, ulong value)
    {
        TrackedStores++;
        Last = Vcpu.WriteTracked(new Gpa(gpa), 8, value) switch
        {
            TranslateStatus.Memory => Outcome.Done,
            TranslateStatus.Mmio => Outcome.Mmio,
            _ => Outcome.AccessFault,
        };
    }

    private byte* Find(ulong address, GuestAccess access, out ulong tracked)
    {
        tracked = 0;
        var key = (address >> 12, access, Mode);
        if (_tlb.TryGetValue(key, out var page)) return (byte*)page + (address & 4095);
        TlbMisses++;
        var status = Vcpu.TranslateVirtual(new Gva(address), access, Mode, out var t, out var gpa);
        switch (status)
        {
            case TranslateStatus.Memory:
                _tlb[key] = (nuint)t.HostPage;
                return t.HostPage + (address & 4095);
            case TranslateStatus.Tracked:
                tracked = gpa.Value;
                return null;
            case TranslateStatus.Mmio:
                Last = Outcome.Mmio;
                MmioAddress = gpa.Value;
                return null;
            default:
                Last = status switch
                {
                    TranslateStatus.PageFault => Outcome.PageFault,
                    TranslateStatus.Error => Outcome.AccessFault,
                    _ =>
                    Outcome.Stopped
                };
                return null;
        }
    }

    public GuestWalkStatus WalkGuest(Vcpu vcpu, Gva address, GuestAccess access, GuestPrivilege mode, ref GuestWalk walk)
    {
        Walks++;
        var root = vcpu.GuestRoot;
        var unused = 64 - 12 - root.Levels * 9;
        if (new Gva((ulong)((long)(address.Value << unused) >> unused)) != address) return GuestWalkStatus.PageFault;
        var gfn = root.Gfn;
        walk.RootLevel = root.Levels;
        for (var level = root.Levels; level >= 1; level--)
        {
            var index = (int)(address.Value >> 12 + (level - 1) * 9) & 511;
            var at = (gfn.Value << 12) + (ulong)index * 8;
            if (!vcpu.ReadGuestWord(new Gpa(at), out var bits)) return GuestWalkStatus.AccessFault;
            walk.TableGfn[level] = gfn.Value;
            walk.Entries[level] = bits;
            var pte = PageFormat.Decode(bits, level, index);
            if (!pte.IsPresent) return GuestWalkStatus.PageFault;
            if (!pte.IsLeaf)
            {
                gfn = pte.Gfn;
                continue;
            }
            if (!Allows(pte.Rights, access, mode)) return GuestWalkStatus.PageFault;
            var set = bits | TestFormat.A | (access == GuestAccess.Write ? TestFormat.D : 0);
            if (set != bits)
            {
                if (!SetsBits) return GuestWalkStatus.PageFault;
                if (!vcpu.CompareExchangeGuestWord(new Gpa(at), bits, set, out var exchanged)) return GuestWalkStatus.AccessFault;
                if (!exchanged) return GuestWalkStatus.Retry;
                walk.Entries[level] = set;
                pte = PageFormat.Decode(set, level, index);
            }
            walk.LeafLevel = level;
            walk.Leaf = pte;
            walk.Gfn = pte.Gfn + (address.Value >> 12 & (1UL << (level - 1) * 9) - 1);
            AfterWalk?.Invoke();
            return GuestWalkStatus.Ok;
        }
        return GuestWalkStatus.PageFault;
    }

    private static bool Allows(GuestRights rights, GuestAccess access, GuestPrivilege mode)
    {
        var user = (mode & GuestPrivilege.User) != 0;
        if (user != ((rights & GuestRights.User) != 0) && (user || access == GuestAccess.Execute || (mode & GuestPrivilege.Sum) == 0))
            return false;
        return access switch
        {
            GuestAccess.Write => (rights & GuestRights.Write) != 0,
            GuestAccess.Execute => (rights & GuestRights.Execute) != 0,
            _ => (rights & GuestRights.Read) != 0 || (mode & GuestPrivilege.Mxr) != 0 && (rights & GuestRights.Execute) != 0,
        };
    }
}
