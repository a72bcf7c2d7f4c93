namespace Warren.Images.Guests;

/// <summary>The guest programs assembled from <c>guest/</c> when this assembly was built: static RV64 ELF executables.</summary>
public static unsafe class EmbeddedGuests
{
    /// <summary>PID 1 of the initramfs, for Linux; its modes are described at the head of <c>guest/init/init.s</c>.</summary>
    public static ReadOnlySpan<byte> Init => Resource("init.elf");

    /// <summary>
    /// The bare-metal self test: linked at 0x80200000, position independent, entered in S-mode with a0 = hart, a1 = device tree.
    /// </summary>
    public static ReadOnlySpan<byte> Selftest => Resource("selftest.elf");

    /// <summary>The resource where the loaded assembly holds it: nothing is copied.</summary>
    private static ReadOnlySpan<byte> Resource(string name)
    {
        var assembly = typeof(EmbeddedGuests).Assembly;
        var stream = (UnmanagedMemoryStream)(assembly.GetManifestResourceStream("Warren.Guests." + name)
            ?? throw new InvalidOperationException($"{assembly.GetName().Name} was built without the guest {name}; build it again"));
        return new ReadOnlySpan<byte>(stream.PositionPointer, checked((int)stream.Length));
    }
}
