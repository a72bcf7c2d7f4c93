using System.Globalization;
using Warren.Asm;

return CommandLine.Run(args);

/// <summary>The build's way in: <c>warren-asm [--flat] [--base N] [--entry S] [--define S=N] [--include DIR] -o FILE SOURCE…</c></summary>
internal static class CommandLine
{
    private const string Usage =
        "usage: Warren.Assembler [--flat] [--base N] [--entry SYMBOL] [--define NAME=N] [--include DIR] -o FILE SOURCE...";

    /// <returns>0; 1 when the source is wrong (one <c>file:line: sentence</c> a line on stderr); 2 for a wrong command line or
    /// file.</returns>
    public static int Run(string[] args)
    {
        try
        {
            (var options, var output, var sources) = Parse(args);
            var result = Assembler.AssembleFiles(sources, options);
            var temporary = $"{output}.{Environment.ProcessId}.tmp";
            File.WriteAllBytes(temporary, result.Bytes);
            if (options.Output == OutputKind.Elf && !OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(temporary,
                    File.GetUnixFileMode(temporary) | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
            }
            File.Move(temporary, output, overwrite: true);
            return 0;
        }
        catch (AssemblyException e)
        {
            // "error ASM:" makes MSBuild show the line as an error of its own.
            foreach (var error in e.Errors)
                Console.Error.WriteLine($"{error.Location.File}({error.Location.Line}): error ASM1: {error}");
            return 1;
        }
        catch (Exception e) when (e is ArgumentException or IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine(e.Message);
            return 2;
        }
    }

    private static (AssemblerOptions Options, string Output, List<string> Sources) Parse(string[] args)
    {
        var options = new AssemblerOptions { Output = OutputKind.Elf, Base = 0x10000 };
        var defines = new Dictionary<string, long>();
        var includes = new List<string>();
        var sources = new List<string>();
        string? output = null;
        for (var i = 0; i < args.Length; i++)
        {
            string Next() => ++i < args.Length ? args[i] : throw new ArgumentException($"{args[^1]} wants a value; {Usage}");
            switch (args[i])
            {
                case "--flat":
                    options = options with { Output = OutputKind.Flat };
                    break;
                case "--base":
                    options = options with { Base = (ulong)Number(Next()) };
                    break;
                case "--entry":
                    options = options with { Entry = Next() };
                    break;
                case "--define":
                    var pair = Next().Split('=', 2);
                    defines[pair[0]] = pair.Length == 2 ? Number(pair[1]) : 1;
                    break;
                case "--include":
                    includes.Add(Next());
                    break;
                case "-o":
                    output = Next();
                    break;
                default:
                    sources.Add(args[i].StartsWith('-') ? throw new ArgumentException($"unknown option {args[i]}; {Usage}") : args[i]);
                    break;
            }
        }
        if (output is null || sources.Count == 0)
            throw new ArgumentException(Usage);
        return (options with { Defines = defines, IncludeDirectories = includes, FileName = sources[0] }, output, sources);
    }

    private static long Number(string text)
    {
        var hex = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        var digits = hex ? text.AsSpan(2) : text;
        return ulong.TryParse(digits, hex ? NumberStyles.AllowHexSpecifier : NumberStyles.None, CultureInfo.InvariantCulture,
            out var value)
            ? (long)value
            : throw new ArgumentException($"'{text}' is not a number");
    }
}
