using System.Runtime.InteropServices;

namespace Warren.Hypervisor.Vcpus;

/// <summary>KVM's vCPU modes.</summary>
public enum VcpuMode
{
    OutsideGuestMode = 0,
    InGuestMode = 1,
    /// <summary>In guest mode, and told to leave.</summary>
    ExitingGuestMode = 2,
}

/// <summary>The native half of a vCPU; what different threads write lies 128 bytes apart (two lines: the prefetcher pairs them).</summary>
[StructLayout(LayoutKind.Explicit, Size = 768)]
internal unsafe struct VcpuState
{
    /// <summary><see cref="VcpuMode"/> in bits 0..1; above it the number of sections in guest mode left so far.</summary>
    [FieldOffset(0)] public ulong Mode;
    /// <summary>Threads that wait, or are about to, for the section to end.</summary>
    [FieldOffset(8)] public int AckWaiters;
    /// <summary>1 while the vCPU is halted and nobody has woken it.</summary>
    [FieldOffset(12)] public int Blocked;

    [FieldOffset(128)] public ulong RequestWord;
    /// <summary>Written by those who ask.</summary>
    [FieldOffset(136)] public long RequestsReceived;

    /// <summary>The root's entries, or a page of zeroes; written by the vCPU's thread outside guest mode.</summary>
    [FieldOffset(256)] public ulong* Root;
    [FieldOffset(264)] public uint FlushCount;
    /// <summary>1 while some thread is inside Run.</summary>
    [FieldOffset(268)] public int Running;
    /// <summary>The lowest bit of a root address that indexes the root; with TDP it never changes.</summary>
    [FieldOffset(272)] public int RootShift;
    /// <summary>Shadow MMU: what of the guest's mode counts, nothing without translation.</summary>
    [FieldOffset(276)] public int PrivilegeMask;
    /// <summary>Shadow MMU: an address is one of the guest's if, this added, it is below the limit.</summary>
    [FieldOffset(280)] public ulong AddressBias;
    [FieldOffset(288)] public ulong RootAddressLimit;
    /// <summary>Shadow MMU: the guest's own root; 0 levels without translation.</summary>
    [FieldOffset(296)] public int GuestLevels;
    [FieldOffset(304)] public Gfn GuestRootGfn;

    [FieldOffset(384)] public VcpuStatistics Statistics;
}

/// <summary>Counters of one vCPU, written by its thread only.</summary>
public struct VcpuStatistics
{
    public long GuestEntries;
    /// <summary>Translations that needed the page-fault path, by how they ended: new 4 KiB leaf, ...</summary>
    public long FaultsMap;
    public long FaultsMapHuge;
    /// <summary>... a leaf that got more rights under mmu_lock,</summary>
    public long FaultsWriteProtect;
    /// <summary>... W given back without a lock,</summary>
    public long FaultsFast;
    /// <summary>... already mapped,</summary>
    public long FaultsSpurious;
    public long FaultsMmio;
    /// <summary>... the host cannot back it.</summary>
    public long FaultsFailed;
    public long RetriesInvalidation;
    public long RetriesInvalidSlot;
    public long RetriesObsoleteRoot;
    public long RetriesFrozen;
    /// <summary>Shadow MMU: the guest's tables changed between the walk and the mapping, or lay where the host was busy.</summary>
    public long RetriesGuestTables;
    /// <summary>Shadow MMU: faults that are the guest's own.</summary>
    public long FaultsOfGuest;
    /// <summary>Shadow MMU: writes to tables that are in use,</summary>
    public long FaultsTracked;
    /// <summary>and stores done for the guest because of them.</summary>
    public long TrackedWrites;
    public long SptesSet;
    public long TlbFlushes;
    public long RootLoads;
    public long CodeMarks;
    public long MmioAccesses;

    internal static void Add(ref VcpuStatistics sum, in VcpuStatistics other)
    {
        var to = MemoryMarshal.Cast<VcpuStatistics, long>(MemoryMarshal.CreateSpan(ref sum, 1));
        var from = MemoryMarshal.Cast<VcpuStatistics, long>(MemoryMarshal.CreateReadOnlySpan(in other, 1));
        for (var i = 0; i < to.Length; i++) to[i] += from[i];
    }
}
