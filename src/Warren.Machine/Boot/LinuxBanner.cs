namespace Warren.Machines.Boot;

/// <summary>
/// The one thing that every Linux kernel carries and no other program does: the line it introduces itself with (<c>linux_banner</c>).
/// </summary>
internal static class LinuxBanner
{
    private const int ChunkSize = 1 << 20;

    private static ReadOnlySpan<byte> Beginning => "Linux version "u8;

    /// <summary>Looks for it in a file that is not compressed.</summary>
    /// <exception cref="MachineConfigurationException">The file cannot be read.</exception>
    public static bool IsIn(string path)
    {
        using var file = ByteSource.OpenFile(path, "kernel");
        var chunk = new byte[ChunkSize];
        var overlap = Beginning.Length - 1;
        for (long at = 0; at + overlap < file.Length; at += ChunkSize - overlap)
        {
            var got = file.Read(at, chunk);
            if (chunk.AsSpan(0, got).IndexOf(Beginning) >= 0)
                return true;
        }
        return false;
    }
}
