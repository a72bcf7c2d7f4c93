namespace Warren.Lab;

/// <summary>A change of one place of the production sources: what makes a <see cref="Variant"/>.</summary>
/// <param name="Project">One of <see cref="ProductionSources.Projects"/>.</param>
/// <param name="File">Path below the project's directory, with '/'.</param>
/// <param name="Anchor">Text that occurs exactly once in the file; lines as in the source, joined by \n.</param>
/// <param name="Replacement">What stands there instead.</param>
public sealed record SourcePatch(string Project, string File, string Anchor, string Replacement)
{
    /// <summary>The patched text.</summary>
    /// <param name="variant">Named in the exception.</param>
    /// <param name="source">The file as it is, or as patches before this one left it.</param>
    /// <exception cref="VariantException">The anchor is not there, or more than once: the code has moved on and the variant must
    /// follow.</exception>
    public string Apply(string variant, string source)
    {
        var at = source.IndexOf(Anchor, StringComparison.Ordinal);
        if (at < 0 || Anchor.Length == 0)
            throw Lost(variant, "occurs nowhere");
        if (source.IndexOf(Anchor, at + 1, StringComparison.Ordinal) >= 0)
            throw Lost(variant, "occurs more than once");
        return string.Concat(source.AsSpan(0, at), Replacement, source.AsSpan(at + Anchor.Length));
    }

    private VariantException Lost(string variant, string how) =>
        new($"Variant {variant} cannot be made: its anchor {how} in {Project}/{File}. The code has changed; give the variant a text that "
        + $"occurs once there:\n{Anchor}");
}

/// <summary>A variant that cannot be made or explored: its anchor is gone, it does not compile, its scenario is unknown.</summary>
public sealed class VariantException : WarrenException
{
    public VariantException()
    {
    }

    public VariantException(string message)
        : base(message)
    {
    }

    public VariantException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
