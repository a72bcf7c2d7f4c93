namespace Warren.Asm;

/// <summary>
/// A build-time RV64 assembler in the manner of GNU as: RV64GC, Zicsr, Zifencei, Zba, Zbb, Zbc, Zbs, Zicond, Zicbom, Zicboz, Zicbop,
/// Zawrs, Svinval and the privileged instructions. 16-bit encodings come only from <c>c.</c> mnemonics or under <c>.option rvc</c>.
/// </summary>
public static class Assembler
{
    /// <summary>Assembles a source text.</summary>
    /// <exception cref="AssemblyException">The source is wrong; nothing is returned.</exception>
    public static AssemblyResult Assemble(string source, AssemblerOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        options ??= new AssemblerOptions();
        var unit = new Unit(options);
        unit.Read(source, options.FileName);
        return unit.Finish();
    }

    /// <summary>Assembles files as one unit: they share every symbol.</summary>
    /// <exception cref="AssemblyException">A source is wrong.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static AssemblyResult AssembleFiles(IEnumerable<string> files, AssemblerOptions options)
    {
        ArgumentNullException.ThrowIfNull(files);
        var unit = new Unit(options);
        foreach (var file in files)
            unit.Read(File.ReadAllText(file), file);
        return unit.Finish();
    }
}
