namespace Warren.Images.Archive;

/// <summary>
/// The outer form of a clear-signed message (RFC 9580, section 7): verifiers differ in what they do with text around the signed part
/// or with a second message, so only a file that is one message and nothing else reaches them.
/// </summary>
internal static class ClearSigned
{
    private static ReadOnlySpan<byte> Begin => "-----BEGIN PGP SIGNED MESSAGE-----"u8;
    private static ReadOnlySpan<byte> BeginSignature => "-----BEGIN PGP SIGNATURE-----"u8;
    private static ReadOnlySpan<byte> EndSignature => "-----END PGP SIGNATURE-----"u8;

    /// <exception cref="ImageException">The file is not exactly one clear-signed message.</exception>
    public static void CheckForm(ReadOnlySpan<byte> file)
    {
        var expected = 0;
        foreach (var range in file.Split((byte)'\n'))
        {
            var line = file[range].TrimEnd(" \t\r"u8);
            var fits = expected switch
            {
                0 => line.SequenceEqual(Begin),
                1 or 2 when line.SequenceEqual(Begin) => false,
                1 when line.SequenceEqual(EndSignature) => false,
                2 when line.SequenceEqual(BeginSignature) => false,
                3 => line.IsEmpty,
                _ => true,
            };
            if (!fits)
                throw Malformed();
            if (expected == 0 || (expected == 1 && line.SequenceEqual(BeginSignature))
                || (expected == 2 && line.SequenceEqual(EndSignature)))
            {
                expected++;
            }
        }
        if (expected != 3)
            throw Malformed();
    }

    private static ImageException Malformed() =>
        new(ImageError.Signature, "the mirror's InRelease file is not one signed message; try another mirror with --mirror");
}
