using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Vcpus;

namespace Warren.Hypervisor.Tests.Shadow;

/// <summary>
/// Two VMs that differ in their MMU only and do the same, operation by operation. Whatever a guest finds once it has fenced must be the
/// same, and so must all of memory, A and D in the guest's tables included; and each VM's audit must be clean. Tables are made of entries
/// drawn from few pages, most of them tables themselves: cycles, self-maps and one table at several levels are the rule.
/// </summary>
internal sealed class TwinVms : IDisposable
{
    /// <summary>Digits of virtual addresses.</summary>
    private static readonly int[] Indices = [0, 1, 2, 511];

    private static readonly GuestRights[] Rights =
    [
        GuestRights.Read | GuestRights.Write | GuestRights.Execute, GuestRights.Read | GuestRights.Write,
        GuestRights.Read | GuestRights.Write | GuestRights.User, GuestRights.Read,
        GuestRights.Execute, GuestRights.Read | GuestRights.Execute | GuestRights.User,
        GuestRights.Read | GuestRights.Write | GuestRights.Execute | GuestRights.User, GuestRights.None,
    ];

    private static readonly GuestPrivilege[] Modes =
    [
        GuestPrivilege.Supervisor, GuestPrivilege.Sum, GuestPrivilege.Sum | GuestPrivilege.Mxr, GuestPrivilege.User, GuestPrivilege.Sum,
        GuestPrivilege.User | GuestPrivilege.Mxr,
        GuestPrivilege.Mxr, GuestPrivilege.Sum,
    ];

    /// <summary>Where tables are, and roots: ten pages in the first slot, four in the second.</summary>
    private static readonly ulong[] Tables =
        [16, 17, 18, 19, 20, 21, 22, 23, 24, 25, Twin.Second, Twin.Second + 1, Twin.Second + 2, Twin.Second + 3];

    /// <summary>Other targets of entries: data, the edges of blocks, a device, a hole, numbers that no gfn can be.</summary>
    private static readonly ulong[] Others =
        [0, 511, 512, 600, 601, 1023, Twin.Second + 5, Twin.Second + 15, Twin.Second + 16, Twin.Device, 1UL << 36, (1UL << 40) - 1];

    private readonly Twin[] _twins;
    private readonly bool[] _mustFence = new bool[2];

    private readonly bool _layered;
    private readonly bool _aliased;

    /// <param name="setsMarks">whether walks set A and D</param>
    /// <param name="layered">tables keep to one level each, as those of a kernel do, so that many go unsync; otherwise any table may be
    /// used at any level</param>
    /// <param name="aliased">the first tables can be written by a second gfn</param>
    public TwinVms(bool setsMarks, bool layered = false, bool aliased = false)
    {
        _layered = layered;
        _aliased = aliased;
        _twins = [new Twin(MmuKind.Tdp, setsMarks, aliased), new Twin(MmuKind.Shadow, setsMarks, aliased)];
        for (var i = 0; i < Tables.Length * Indices.Length; i++)
            Apply(new TwinOp(TwinOpKind.WriteEntry, i / Indices.Length, i % Indices.Length, i * 37 % 256, i * 29 % 256));
    }


    public Twin Shadow => _twins[1];

    public void Apply(TwinOp op)
    {
        switch (op.Kind)
        {
            case TwinOpKind.SetRoot: SetRoot(op); break;
            case TwinOpKind.StoreEntry: StoreEntry(op); break;
            case TwinOpKind.ExchangeEntry:
                Both(t =>
                t.Access(t.Bare, cpu => cpu.CompareExchange(EntryAddress(op), Entry(op), t.Word(EntryAddress(op))))); Changed(); break;
            case TwinOpKind.WriteEntry:
                Both(t => t.Vm.WriteGuest(new Gpa(EntryAddress(op)), BitConverter.GetBytes(Entry(op))) ? 1UL : 0); Changed();
                break;
            case TwinOpKind.GuestLoad: Access(op, (cpu, at) => cpu.Load<ulong>(at)); break;
            case TwinOpKind.GuestStore: Access(op, (cpu, at) => Stored(cpu, at, Entry(op))); Changed(); break;
            case TwinOpKind.GuestFetch: Access(op, (cpu, at) => cpu.Fetch(at)); break;
            case TwinOpKind.GuestExchange: Access(op, (cpu, at) => cpu.CompareExchange(at, Entry(op), (ulong)(op.D & 1))); Changed(); break;
            case TwinOpKind.GuestAdd: Access(op, (cpu, at) => cpu.FetchAdd(at, (ulong)op.D << 12)); Changed(); break;
            case TwinOpKind.Discard: Both(t => t.Discard(Page(op.A), 1 + op.B % 3)); Changed(); break;
            case TwinOpKind.Protect: Both(t => t.Protect(Page(op.A), 1 + op.B % 3, op.C % 3 != 0)); break;
            case TwinOpKind.ChangeSlot: Both(t => t.ChangeSlot(op.A % 4)); Changed(); break;
            case TwinOpKind.ToggleLogging: Both(t => t.ToggleLogging()); break;
            case TwinOpKind.GetDirtyLog: foreach (var twin in _twins) twin.CheckDirtyLog(); break;
            default: foreach (var twin in _twins) twin.Age(op.A % 2 == 0); break;
        }
    }

    /// <summary>All of memory, and what is kept about it.</summary>
    public void Verify(bool all = true)
    {
        Twin.AssertSameMemory(_twins[0], _twins[1], all);
        foreach (var twin in _twins) twin.Verify();
    }

    private static ulong Stored(ScriptedVcpu cpu, ulong address, ulong value)
    {
        switch (address & 7)
        {
            case 0 when (value & 4) == 0: cpu.Store(address, value); break;
            case 0: cpu.Store(address, (uint)value); break;
            default: cpu.Store(address, (byte)value); break;
        }
        return 0;
    }

    private void SetRoot(TwinOp op)
    {
        var levels = (_layered && op.B % 8 != 0 ? 3 : op.B % 5) switch { 0 => 0, 1 => 4, 2 => 5, _ => 3 };
        var gfn = op.C % 16 == 15 ? Others[op.D % Others.Length] : Tables[op.C % (_layered ? 3 : Tables.Length)];
        Both(t => t.Access(t.Cpus[op.A & 1], cpu =>
        {
            cpu.SetGuestRoot(new GuestRoot(levels, new Gfn(levels == 0 ? 0 : gfn)));
            return 0;
        }));
        // Neither VM's guest may count on what an earlier use of the root has left.
        _mustFence[op.A & 1] = true;
    }

    private void StoreEntry(TwinOp op)
    {
        Both(t => t.Access(t.Bare, cpu => Stored(cpu, EntryAddress(op) + (op.D % 8 == 7 ? 1UL : 0), Entry(op))));
        Changed();
    }

    private void Changed() => _mustFence[0] = _mustFence[1] = true;

    private void Access(TwinOp op, Func<ScriptedVcpu, ulong, ulong> access)
    {
        // Once, before either has done it.
        var address = Address(op);
        var index = op.A & 1;
        var mode = Modes[op.A >> 1 & 7];
        var fence = _mustFence[index];
        // A fence for one address leaves the others stale.
        var all = op.D % 2 == 0;
        Both(t =>
        {
            var cpu = t.Cpus[index];
            if (fence && all) cpu.FenceTables();
            else if (fence) cpu.FenceTables(address);
            cpu.Engine.Mode = mode;
            return t.Access(cpu, c => access(c, address));
        });
        if (all) _mustFence[index] = false;
    }

    /// <summary>
    /// An address of few digits, in the half of the address space that its highest one says; mostly one that the tables lead on from as far
    /// as may be.
    /// </summary>
    private ulong Address(TwinOp op)
    {
        var root = Shadow.Cpus[op.A & 1].Engine.Root;
        if (root.Levels == 0) return (Page(op.B) << 12) + (ulong)(op.C % 3) * 8;
        ulong address = 0;
        var table = root.Gfn;
        var digits = op.B + (op.C << 8);
        var follow = (op.B ^ op.C) % 4 != 0;
        for (var level = root.Levels; level >= 1; level--, digits >>= 2)
        {
            var index = digits & 3;
            for (var tries = 0; follow && tries < 4; tries++, index = index + 1 & 3)
            {
                var pte = ScriptedPageFormat.Instance.Decode(_twins[0].Word((table.Value << 12) + (ulong)Indices[index] * 8), level, 0);
                if (!pte.IsPresent) continue;
                table = pte.Gfn;
                follow = !pte.IsLeaf;
                break;
            }
            address = address << 9 | (uint)Indices[index];
        }
        var unused = 64 - 12 - root.Levels * 9;
        address = (ulong)((long)(address << 12 << unused) >> unused);
        return address + (ulong)Indices[digits & 3] * 8;
    }

    private ulong EntryAddress(TwinOp op) =>
        (_aliased && op.C % 4 == 1 && op.A % Tables.Length < 10 ? Twin.Alias << 12 : 0) + (Tables[op.A % Tables.Length] << 12)
        + (ulong)Indices[op.B & 3] * 8;

    private static ulong Page(int n) => n % 3 == 0 ? Others[n / 3 % (Others.Length - 2)] : Tables[n / 3 % Tables.Length];

    private ulong Entry(TwinOp op)
    {
        if (_layered && op.Kind is TwinOpKind.StoreEntry or TwinOpKind.ExchangeEntry or TwinOpKind.WriteEntry) return LayeredEntry(op);
        var gfn = op.C % 4 == 0 ? Others[op.C / 4 % Others.Length] : Tables[op.C / 4 % Tables.Length];
        var marks = (ulong)(op.D >> 3 & 3) << 6;
        var rights = Rights[op.D >> 5];
        return (op.D % 8) switch
        {
            0 when op.D % 32 == 0 => 0,
            0 or 1 or 2 or 3 => ScriptedPageFormat.Table(gfn),
            // Aligned for the middle level, so that large leaves are not all reserved.
            4 => ScriptedPageFormat.Page(gfn & ~511UL, rights, marks),
            _ => ScriptedPageFormat.Page(gfn, rights, marks),
        };
    }

    /// <summary>Three tables of level 3, three of level 2, the rest of level 1.</summary>
    private static ulong LayeredEntry(TwinOp op)
    {
        var at = op.A % Tables.Length;
        var leaf =
            ScriptedPageFormat.Page(op.C % 3 == 0 ? Tables[op.C / 3 % Tables.Length] : Others[op.C / 3 % Others.Length], Rights[op.D >> 5],
                (ulong)(op.D >> 3 & 3) << 6);
        if (op.D % 32 == 0) return 0;
        if (at < 3) return ScriptedPageFormat.Table(Tables[3 + op.C % 3]);
        return at >= 6 ? leaf : op.D % 8 == 1 ? leaf & ~(511UL << 12) : ScriptedPageFormat.Table(Tables[6 + op.C % (Tables.Length - 6)]);
    }

    private void Both(Func<Twin, ulong> operation)
    {
        (ulong Value, GuestAccessResult Result) expected = (operation(_twins[0]), _twins[0].LastResult);
        (ulong Value, GuestAccessResult Result) found = (operation(_twins[1]), _twins[1].LastResult);
        foreach (var twin in _twins) Assert.True(twin.Vm.ErrorReason is null, twin.Vm.ErrorReason);
        Assert.Equal(expected, found);
    }

    public void Dispose()
    {
        foreach (var twin in _twins) twin.Dispose();
    }
}
