using System.CommandLine;

namespace Warren.Cli.CommandLine;

/// <summary>A part of a help page below its options.</summary>
/// <param name="Heading">With its colon.</param>
/// <param name="Lines">At most 78 columns each.</param>
internal sealed record HelpSection(string Heading, params string[] Lines);

/// <summary>A command whose help page says more than its options do.</summary>
/// <param name="usage">What follows the command's name in the usage, in place of what the parser knows; null for that.</param>
internal sealed class GuideCommand(string name, string description, string? usage, params HelpSection[] sections)
    : Command(name, description)
{
    public string? Usage => usage;

    public IReadOnlyList<HelpSection> Sections => sections;
}
