namespace Warren.Machines.Boot;

/// <summary>Recognises firmware that runs in machine mode, which a hart of ours has not: Warren plays that part itself.</summary>
internal static class MachineModeFirmware
{
    /// <summary>Firmware is small: OpenSBI with a payload, U-Boot and their like. Nothing larger is looked through.</summary>
    private const int MaxLength = 4 << 20;

    private const string Remedy = "Warren starts programs in S-mode and provides SBI itself, so pass what the firmware would start: "
        + "a kernel, or a boot loader built for S-mode.";

    /// <summary>
    /// A clause that completes "The kernel 'x' …" for OpenSBI, of any link and form, or null. A program is taken for it when it prints
    /// OpenSBI's banner and has the instruction that leaves machine mode.
    /// </summary>
    public static string? DescribeOpenSbi(ByteSource file)
    {
        var content = Content(file);
        return HasReturn(content) && content.IndexOf("\nOpenSBI "u8) >= 0 ? $"is OpenSBI, machine-mode firmware; {Remedy}" : null;
    }

    /// <summary>As <see cref="DescribeOpenSbi"/>, for any program with that instruction: only where the file is refused anyway.</summary>
    public static string? Describe(ByteSource file)
        => DescribeOpenSbi(file) ?? (HasReturn(Content(file)) ? $"seems to be machine-mode firmware (it has an MRET); {Remedy}" : null);

    /// <summary>All of a file of firmware's size; nothing of another.</summary>
    private static ReadOnlySpan<byte> Content(ByteSource file)
        => file.Length <= MaxLength ? file.ReadExactly(0, (int)file.Length) : null;

    private static bool HasReturn(ReadOnlySpan<byte> content)
    {
        ReadOnlySpan<byte> mret = [0x73, 0x00, 0x20, 0x30];
        var from = 0;
        while (content[from..].IndexOf(mret) is >= 0 and var at)
        {
            if ((from + at) % 2 == 0)
                return true;
            from += at + 1;
        }
        return false;
    }
}
