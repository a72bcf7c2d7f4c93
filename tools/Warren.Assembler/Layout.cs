namespace Warren.Asm;

/// <summary>Gives sections their addresses, by kind, in the order they were opened.</summary>
internal static class Layout
{
    public const ulong PageSize = 4096;

    /// <summary>Sets every section's address; returns the end of the last.</summary>
    public static ulong Place(List<Section> sections, AssemblerOptions options)
    {
        var paged = options.Output == OutputKind.Elf;
        if (paged && options.Base % PageSize != 0)
        {
            throw new AssemblyException(
                [new AssemblyError(new SourceLocation(options.FileName, 1),
                    $"the base 0x{options.Base:x} is not a multiple of {PageSize}")]);
        }
        var at = options.Base;
        var last = SectionKind.Code;
        foreach (var section in sections.OrderBy(s => s.Kind))
        {
            // Data and zeroes share a segment.
            var newSegment = section.Kind != last && section.Kind != SectionKind.Zero
                || (section.Kind == SectionKind.Zero && last < SectionKind.Data);
            last = section.Kind;
            if (paged && newSegment)
                at = Up(at, PageSize);
            at = options.Base + Up(at - options.Base, (ulong)section.Alignment);
            if (paged && options.Base % (ulong)section.Alignment != 0)
                at = Up(at, (ulong)section.Alignment);
            section.Address = at;
            at += (uint)section.Length;
        }
        return at;
    }

    public static byte[] Flatten(List<Section> sections, ulong start, ulong end)
    {
        var image = new byte[end - start];
        foreach (var section in sections)
            section.Bytes.CopyTo(image.AsSpan((int)(section.Address - start)));
        return image;
    }

    public static ulong Up(ulong value, ulong alignment) => (value + alignment - 1) & ~(alignment - 1);
}
