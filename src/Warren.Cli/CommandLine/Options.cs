using System.CommandLine;
using Warren.Machines;

namespace Warren.Cli.CommandLine;

/// <summary>The kinds of options that there are, each with its sentence for a value that is wrong or missing.</summary>
internal static class Options
{
    /// <summary>There or not there; it has no value.</summary>
    public static Option<bool> Flag(string name, string description) => new(name) { Description = description, Arity = ArgumentArity.Zero };

    /// <summary>A whole number, both limits included.</summary>
    public static Option<long> Number(string name, string description, long least, long greatest, long otherwise) =>
        new ValueOption<long>(name, "N", description, $"a number from {least} to {greatest}",
            (string text, out long value) => OptionParsers.TryNumber(text, out value) && value >= least && value <= greatest)
        {
            DefaultValueFactory = _ => otherwise,
        };

    public static Option<long> Cpus(long otherwise) =>
        Number("--cpus", $"vCPUs, 1 to {MachineOptions.MaxCpus}.", 1, MachineOptions.MaxCpus, otherwise);

    public static Option<MemorySize> Memory() =>
        new ValueOption<MemorySize>("--memory", "SIZE", $"Guest memory {MemorySize.Limits}, like 2G.", MemorySize.Words,
            MemorySize.TryParse)
        {
            DefaultValueFactory = _ => MemorySize.Default,
        };

    public static Option<TimeSpan?> Duration(string name, string description) =>
        new ValueOption<TimeSpan?>(name, "T", description, OptionParsers.DurationWords,
        (string text, out TimeSpan? value) =>
        {
            value = OptionParsers.TryDuration(text, out var duration) ? duration : null;
            return value is not null;
        });

    /// <summary>One of a few names.</summary>
    /// <param name="otherwise">What is taken when none is given.</param>
    public static Option<string?> Choice(string name, string helpName, string description, IEnumerable<string> names,
        string? otherwise = null)
    {
        string[] known = [.. names];
        var option =
            new ValueOption<string?>(name, helpName, description, Either(known),
                (string text, out string? value) => known.Contains(value = text), known);
        if (otherwise is not null)
            option.DefaultValueFactory = _ => otherwise;
        return option;
    }

    /// <summary>Any text but none.</summary>
    /// <param name="takes">"the URL of a Debian mirror".</param>
    public static Option<string?> Text(string name, string helpName, string description, string takes) =>
        new ValueOption<string?>(name, helpName, description, takes, (string text, out string? value) => (value = text).Length > 0);

    public static Option<string?> File(string name, string description) => Text(name, "FILE", description, "the path of a file");

    /// <summary>"a, b or c".</summary>
    public static string Either(IReadOnlyList<string> names) =>
        names.Count == 1 ? names[0] : $"{string.Join(", ", names.SkipLast(1))} or {names[^1]}";
}
