namespace Warren.Asm;

/// <summary>The shape of <see cref="AssemblyResult.Bytes"/>.</summary>
public enum OutputKind
{
    /// <summary>The sections laid end to end from <see cref="AssemblerOptions.Base"/> (.bss as zeroes), nothing else.</summary>
    Flat,

    /// <summary>A static ELF64 ET_EXEC: a PT_LOAD each for code (R-X), constants (R--) and data (RW-), page aligned.</summary>
    Elf,
}

/// <summary>How to assemble; the defaults suit a snippet for an instruction test.</summary>
public sealed record AssemblerOptions
{
    public OutputKind Output { get; init; } = OutputKind.Flat;

    /// <summary>Address of the first byte of .text; a multiple of 4096 for ELF.</summary>
    public ulong Base { get; init; }

    /// <summary>Symbol whose address becomes the ELF entry point; null: <c>_start</c> if defined, else <see cref="Base"/>.</summary>
    public string? Entry { get; init; }

    /// <summary>Name used in error messages for a source given as a string.</summary>
    public string FileName { get; init; } = "<source>";

    /// <summary>Start as if under <c>.option rvc</c>.</summary>
    public bool Compress { get; init; }

    /// <summary>Symbols defined before the first line, as by <c>.set</c>.</summary>
    public IReadOnlyDictionary<string, long> Defines { get; init; } = new Dictionary<string, long>();

    /// <summary>Where <c>.include</c> and <c>.incbin</c> look after the directory of the including file.</summary>
    public IReadOnlyList<string> IncludeDirectories { get; init; } = [];
}
