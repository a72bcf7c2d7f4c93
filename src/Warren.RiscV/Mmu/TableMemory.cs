using System.Buffers.Binary;
using Warren.Hypervisor;
using Warren.Hypervisor.Vcpus;

namespace Warren.RiscV.Mmu;

/// <summary>
/// How a walk reaches the guest's tables, and what it leaves behind. Structs, so that each walker is compiled for its own.
/// </summary>
internal interface ITableMemory
{
    /// <summary>True when the walk is for an access, which sets A and D; otherwise entries are left as they are, stale or not.</summary>
    static abstract bool IsAccess { get; }

    /// <summary>Reads the entry at a guest physical address.</summary>
    AccessStatus Read(Gpa address, out ulong bits);

    /// <summary>Exchanges an entry if it is still as expected, as a guest's write.</summary>
    AccessStatus CompareExchange(Gpa address, ulong expected, ulong value, out bool exchanged);

    /// <summary>
    /// The walk went through entry <paramref name="bits"/> of the table <paramref name="table"/>, at <paramref name="level"/> (1: 4
    /// KiB).
    /// </summary>
    void Use(int level, Gfn table, ulong bits);

    /// <summary>The walk for <paramref name="address"/> ended there; <paramref name="bits"/> have A and D as they are now.</summary>
    void UseLeaf(int level, Gfn table, ulong bits, Gva address);
}

/// <summary>In guest mode, by the second stage, which keeps the pointers of table pages read lately; keeps nothing itself.</summary>
internal readonly unsafe struct SecondStageTables(SecondStage secondStage) : ITableMemory
{
    public static bool IsAccess => true;

    public AccessStatus Read(Gpa address, out ulong bits)
    {
        var status = secondStage.ReadPointer(address, out var host);
        bits = status == AccessStatus.Ok ? Volatile.Read(ref *(ulong*)host) : 0;
        return status;
    }

    public AccessStatus CompareExchange(Gpa address, ulong expected, ulong value, out bool exchanged)
        => secondStage.CompareExchange(address, expected, value, out exchanged);

    public void Use(int level, Gfn table, ulong bits)
    {
    }

    public void UseLeaf(int level, Gfn table, ulong bits, Gva address)
    {
    }
}

/// <summary>Outside guest mode, by the hypervisor; fills a <see cref="GuestWalk"/>.</summary>
internal readonly unsafe struct RecordedTables(Vcpu vcpu, PageFormat format, GuestWalk* walk) : ITableMemory
{
    public static bool IsAccess => true;

    public AccessStatus Read(Gpa address, out ulong bits) =>
        vcpu.ReadGuestWord(address, out bits) ? AccessStatus.Ok : AccessStatus.AccessFault;

    public AccessStatus CompareExchange(Gpa address, ulong expected, ulong value, out bool exchanged)
        => vcpu.CompareExchangeGuestWord(address, expected, value, out exchanged) ? AccessStatus.Ok : AccessStatus.AccessFault;

    public void Use(int level, Gfn table, ulong bits)
    {
        walk->TableGfn[level] = table.Value;
        walk->Entries[level] = bits;
    }

    public void UseLeaf(int level, Gfn table, ulong bits, Gva address)
    {
        Use(level, table, bits);
        walk->LeafLevel = level;
        walk->Leaf = format.Decode(bits, level, Pte.IndexOf(address, level));
    }
}

/// <summary>Outside guest mode, for the hypervisor's own look at what the guest has mapped; keeps nothing, changes nothing.</summary>
internal readonly struct InspectedTables(VirtualMachine vm) : ITableMemory
{
    public static bool IsAccess => false;

    public AccessStatus Read(Gpa address, out ulong bits)
    {
        Span<byte> entry = stackalloc byte[sizeof(ulong)];
        var there = vm.ReadGuest(address, entry);
        bits = BinaryPrimitives.ReadUInt64LittleEndian(entry);
        return there ? AccessStatus.Ok : AccessStatus.AccessFault;
    }

    public AccessStatus CompareExchange(Gpa address, ulong expected, ulong value, out bool exchanged)
    {
        exchanged = false;
        return AccessStatus.AccessFault;
    }

    public void Use(int level, Gfn table, ulong bits)
    {
    }

    public void UseLeaf(int level, Gfn table, ulong bits, Gva address)
    {
    }
}
