namespace Warren.Asm;

/// <summary>One thing wrong in a source, at the line that says it.</summary>
public readonly record struct AssemblyError(SourceLocation Location, string Message)
{
    public override string ToString() => $"{Location}: {Message}";
}

/// <summary>
/// The source does not assemble; <see cref="Errors"/> names every line found wrong (at most <see cref="MaximumErrors"/>).
/// </summary>
public sealed class AssemblyException : Exception
{
    /// <summary>Later errors are mostly echoes of earlier ones, so assembling stops after this many.</summary>
    public const int MaximumErrors = 20;

    public AssemblyException(IReadOnlyList<AssemblyError> errors)
        : base(string.Join('\n', errors)) => Errors = errors;

    public IReadOnlyList<AssemblyError> Errors { get; }
}

/// <summary>The fault of the statement at hand; the statement loop adds the location.</summary>
internal sealed class StatementException(string message) : Exception(message);
