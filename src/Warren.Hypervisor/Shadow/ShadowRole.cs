using System.Globalization;
using Warren.Hypervisor.Vcpus;

namespace Warren.Hypervisor.Shadow;

/// <summary>
/// The purpose of a shadow page (<c>union kvm_mmu_page_role</c>), in one word: together with its gfn the key it is found by. Bits 0..2
/// level, 3 direct, 4..7 rights, 8..11 address space, 31 invalid.
/// </summary>
/// <remarks>
/// The number of levels of the root is no part of it: the entries of tables of three, four and five levels mean the same, so their shadows
/// are shared. Nor are the guest's modes: they are judged at each walk.
/// </remarks>
internal readonly struct ShadowRole(uint word) : IEquatable<ShadowRole>
{
    private const int DirectShift = 3;
    private const int RightsShift = 4;
    private const int AddressSpaceShift = 8;
    private const uint InvalidBit = 1U << 31;

    public uint Word => word;

    /// <summary>1 (its leaves are 4 KiB) to 5.</summary>
    public int Level => (int)(word & 7);

    /// <summary>
    /// It follows no guest table: it maps a run of gfns, for a guest without translation or below a large leaf of the guest.
    /// </summary>
    public bool Direct => (word >> DirectShift & 1) != 0;

    /// <summary>
    /// The rights that its leaves may at most have; W only if the guest's leaf is dirty. All for indirect pages: each of their entries has
    /// its own.
    /// </summary>
    public GuestRights Rights => (GuestRights)(word >> RightsShift & 15);

    public int AddressSpaceId => (int)(word >> AddressSpaceShift & 15);

    /// <summary>Prepared to be zapped: no lookup finds it, nothing is built on it.</summary>
    public bool Invalid => (word & InvalidBit) != 0;

    /// <summary>The shadow of a guest's table.</summary>
    public static ShadowRole ForTable(int level, int addressSpaceId) =>
        new((uint)level | (uint)addressSpaceId << AddressSpaceShift | 15U << RightsShift);

    /// <summary>A run of gfns under one set of rights.</summary>
    public static ShadowRole ForDirect(int level, GuestRights rights, int addressSpaceId) =>
        new((uint)level | 1U << DirectShift | (uint)rights << RightsShift | (uint)addressSpaceId << AddressSpaceShift);

    public ShadowRole AsInvalid() => new(word | InvalidBit);

    public bool Equals(ShadowRole other) => word == other.Word;
    public override bool Equals(object? obj) => obj is ShadowRole other && Equals(other);
    public override int GetHashCode() => (int)word;
    public static bool operator ==(ShadowRole left, ShadowRole right) => left.Word == right.Word;
    public static bool operator !=(ShadowRole left, ShadowRole right) => left.Word != right.Word;

    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture,
            $"level {Level} {(Direct ? "direct " + Rights : "table")} space {AddressSpaceId}{(Invalid ? " invalid" : "")}");
}
