namespace Warren.Lab.Fuzz;

/// <summary>A program as a scenario. What production refuses is an outcome; oracles and the audit judge the rest.</summary>
/// <param name="program">Which.</param>
/// <param name="name">That of the scenario.</param>
public sealed class ProgramScenario(FuzzProgram program, string name = ProgramScenario.DefaultName) : Scenario
{
    /// <summary>Of a program that has none of its own; replay strings are good for it.</summary>
    public const string DefaultName = "program";

    public FuzzProgram Program { get; } = program;

    public override string Name { get; } = name;

    public override string Summary => $"Generated: {Program}.";

    /// <summary>Told of every step, or null.</summary>
    internal StepCoverage? Coverage { get; init; }

    public override void Build(Schedule schedule)
    {
        ArgumentNullException.ThrowIfNull(schedule);
        var stage = new ProgramStage(Program, schedule);
        stage.World.CheckAccess();
        foreach (var op in Program.Setup)
            stage.Do(op);
        for (var i = 0; i < Program.Threads.Count; i++)
        {
            var (ops, own) = (Program.Threads[i], stage.For(i));
            stage.World.Thread($"thread{i}", () =>
            {
                foreach (var op in ops)
                {
                    Coverage?.Begins(own.Thread, op.Kind);
                    own.Do(op);
                }
            });
        }

        if (Coverage is null)
            return;
        Coverage.Begin(stage.World);
        schedule.Monitor(Coverage);
    }
}
