namespace Warren.RiscV;

/// <summary>The abilities of a hart. Immutable in effect once a hart was made from it.</summary>
public sealed class HartOptions
{
    private uint _extensions = IsaExtensions.DefaultSet;

    /// <summary>The deepest translation scheme <c>satp</c> accepts; all shallower ones are accepted too.</summary>
    public SatpMode MaxSatpMode { get; set; } = SatpMode.Sv57;

    /// <summary>
    /// Bound on the native memory for decoded blocks, per hart; everything decoded is dropped when it is full. At least 1 MiB.
    /// </summary>
    public int CodeArenaBytes { get; set; } = 32 << 20;

    /// <summary>The ISA as <c>riscv,isa</c> spells it, e.g. <c>rv64imafdc_zicbom_zicboz</c>.</summary>
    public string IsaString
    {
        get
        {
            var text = new System.Text.StringBuilder("rv64");
            var separate = false;
            foreach (var name in IsaExtensionNames)
            {
                separate |= name.Length > 1;
                text.Append(separate ? "_" : string.Empty).Append(name);
            }

            return text.ToString();
        }
    }

    /// <summary>The extensions as <c>riscv,isa-extensions</c> lists them, in canonical order.</summary>
    public IReadOnlyList<string> IsaExtensionNames => IsaExtensions.Names(_extensions);

    /// <summary>Size in bytes of a cache block, for <c>riscv,cboz-block-size</c> and <c>riscv,cbom-block-size</c>.</summary>
    public const int CacheBlockSize = 64;

    internal uint ExtensionSet => _extensions;

    /// <summary>True when the hart has <paramref name="extension"/>.</summary>
    public bool Has(Extension extension) => (_extensions >> (int)extension & 1) != 0;

    /// <summary>Adds or removes an extension.</summary>
    /// <exception cref="ArgumentException">I and Zicsr cannot be removed, nor F while D stays.</exception>
    public HartOptions With(Extension extension, bool present)
    {
        var bit = 1u << (int)extension;
        var set = present ? _extensions | bit : _extensions & ~bit;
        const uint Needed = 1u << (int)Extension.I | 1u << (int)Extension.Zicsr;
        var doubleWithoutSingle = (set >> (int)Extension.D & 1) != 0 && (set >> (int)Extension.F & 1) == 0;
        if ((set & Needed) != Needed || doubleWithoutSingle)
            throw new ArgumentException($"A hart cannot do without {extension}; remove what depends on it first.", nameof(extension));

        _extensions = set;
        return this;
    }
}
