using Warren.Hypervisor.Vcpus;

namespace Warren.Hypervisor.Shadow;

/// <summary>The guest's rights over a page, as its entry gives them and as an SPTE says them.</summary>
internal static class ShadowRights
{
    public const GuestRights AllButUser = GuestRights.Read | GuestRights.Write | GuestRights.Execute;

    /// <summary>The rights of a leaf of the guest as it stands: no write that would have to set D.</summary>
    public static GuestRights Effective(in GuestPte leaf) => leaf.Dirty ? leaf.Rights : leaf.Rights & ~GuestRights.Write;

    /// <summary>The role of a direct page below a large leaf of the guest.</summary>
    public static ShadowRole DirectRole(int level, in GuestPte leaf, int addressSpaceId) =>
        ShadowRole.ForDirect(level, Effective(leaf), addressSpaceId);

    /// <summary>The bits of an SPTE for rights of the guest.</summary>
    public static ulong SpteBits(GuestRights rights) => (ulong)((uint)rights & 7) | (ulong)((uint)rights & 8) << 60;
}
