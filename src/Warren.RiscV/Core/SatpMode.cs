namespace Warren.RiscV;

/// <summary>
/// Address translation schemes, at their <c>satp.MODE</c> encodings (privileged manual, "Supervisor Address Translation and Protection").
/// </summary>
public enum SatpMode : byte
{
    Bare = 0,
    Sv39 = 8,
    Sv48 = 9,
    Sv57 = 10,
}
