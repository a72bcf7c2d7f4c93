namespace Warren.Images.Initramfs;

/// <summary>The file types of a mode word, as in stat(2).</summary>
[Flags]
public enum CpioType
{
    None = 0,
    CharacterDevice = 0x2000,
    Directory = 0x4000,
    BlockDevice = 0x6000,
    Regular = 0x8000,
    SymbolicLink = 0xA000,
    Mask = 0xF000,
}

/// <summary>One member of a cpio archive.</summary>
/// <param name="Path">Relative to the root, without a leading slash; "." is the root itself.</param>
/// <param name="Mode">File type and permission bits, as st_mode.</param>
/// <param name="Content">A file's bytes or a symbolic link's target; empty for others.</param>
/// <param name="DeviceMajor">For device nodes, else 0.</param>
/// <param name="DeviceMinor">For device nodes, else 0.</param>
public sealed record CpioEntry(string Path, int Mode, ReadOnlyMemory<byte> Content, int DeviceMajor = 0, int DeviceMinor = 0)
{
    public CpioType Type => (CpioType)Mode & CpioType.Mask;

    /// <summary>The permission bits, with set-id and sticky bits.</summary>
    public int Permissions => Mode & 0xFFF;
}
