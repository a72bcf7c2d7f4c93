namespace Warren.RiscV;

/// <summary>
/// The one table of extensions: their device-tree names in canonical order, and whether a hart has them unless told otherwise.
/// </summary>
internal static class IsaExtensions
{
    private static readonly (Extension Extension, string Name, bool ByDefault)[] s_table =
    [
        (Extension.I, "i", true),
        (Extension.M, "m", true),
        (Extension.A, "a", true),
        (Extension.F, "f", true),
        (Extension.D, "d", true),
        (Extension.C, "c", true),
        (Extension.Zicbom, "zicbom", true),
        (Extension.Zicboz, "zicboz", true),
        (Extension.Zicntr, "zicntr", true),
        (Extension.Zicsr, "zicsr", true),
        (Extension.Zifencei, "zifencei", true),
        (Extension.Zihintpause, "zihintpause", true),
        (Extension.Zawrs, "zawrs", true),
        (Extension.Zba, "zba", true),
        (Extension.Zbb, "zbb", true),
        (Extension.Zbs, "zbs", true),
        (Extension.Sstc, "sstc", true),
        // Accessed and dirty bits are set by the walker unless Svade asks for page faults instead.
        (Extension.Svade, "svade", false),
        (Extension.Svinval, "svinval", true),
        (Extension.Svnapot, "svnapot", true),
        (Extension.Svpbmt, "svpbmt", true),
    ];

    /// <summary>The set a hart has when nothing else is said, as a bit per <see cref="Extension"/>.</summary>
    internal static uint DefaultSet { get; } = MakeDefault();

    /// <summary>Names of the extensions in <paramref name="set"/>, in canonical order.</summary>
    internal static IReadOnlyList<string> Names(uint set)
    {
        var names = new List<string>();
        foreach ((var extension, var name, _) in s_table)
        {
            if ((set >> (int)extension & 1) != 0)
                names.Add(name);
        }

        return names;
    }

    private static uint MakeDefault()
    {
        uint set = 0;
        foreach ((var extension, _, var byDefault) in s_table)
            set |= byDefault ? 1u << (int)extension : 0;

        return set;
    }
}
