using Warren.Lab;
using Warren.Lab.Fuzz;

namespace Warren.Cli.Commands;

/// <summary>One generated program, on the code as it is or on a variant.</summary>
internal sealed record ProgramTarget(FuzzProgram Program, Variant? Variant)
    : LabTarget(ProgramScenario.DefaultName, Program.ToString(), Program.ToString())
{
    /// <exception cref="UserErrorException">The text is no program.</exception>
    public static ProgramTarget Of(string text, Variant? variant)
    {
        try
        {
            return new(FuzzProgram.Parse(text), variant);
        }
        catch (FormatException e)
        {
            throw new UserErrorException($"--program cannot be read: {e.Message}");
        }
    }

    public override ExplorationResult Explore(ExplorationOptions options, IProgress<ExplorationResult>? progress)
    {
        options = options with { WeakMemory = options.WeakMemory || Program.WeakMemory };
        return Variant is null ? Explorer.Explore(new ProgramScenario(Program), options, progress)
            : CorpusRunner.ExploreProgram(Variant, Program, options, progress);
    }

    public override Trace Replay(string replay) => Variant is null ? Explorer.Replay(new ProgramScenario(Program), replay)
        : CorpusRunner.ReplayProgram(Variant, Program, replay);
}
