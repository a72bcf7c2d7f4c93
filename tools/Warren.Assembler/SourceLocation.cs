namespace Warren.Asm;

/// <summary>A line of a source file; <paramref name="Line"/> counts from 1.</summary>
public readonly record struct SourceLocation(string File, int Line)
{
    public override string ToString() => $"{File}:{Line}";
}
