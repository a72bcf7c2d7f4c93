namespace Warren.Hypervisor.Vcpus;

/// <summary>
/// The meaning of the bits of a guest's page-table entries. Pure: called with <c>mmu_lock</c> held, it may neither lock nor allocate.
/// </summary>
public interface IGuestPageFormat
{
    /// <summary>Decodes one entry.</summary>
    /// <param name="bits">the 64 bits of the entry</param>
    /// <param name="level">of its table: 1 (its leaves are 4 KiB) to 5</param>
    /// <param name="index">0..511, its place in the table</param>
    GuestPte Decode(ulong bits, int level, int index);
}
