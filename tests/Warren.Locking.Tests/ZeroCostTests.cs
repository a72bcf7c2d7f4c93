namespace Warren.Locking.Tests;

/// <summary>Reads the machine code the JIT makes of the primitives: with checking off the hooks are not in it.</summary>
public sealed class ZeroCostTests
{
    // Checked halves, the hook itself, the switch and owner tracking.
    private static readonly string[] Traces =
        ["Checked", "Hook", "Locking.Check", "SleepingSteps", "Subclass", "ReleaseOwner", "CurrentManagedThreadId"];

    [Fact]
    public void Tier1_code_has_no_trace_of_the_hooks_when_off_and_has_them_when_on()
    {
        var off = Disassemble();
        var on = Disassemble("on");
        foreach (var name in HotPaths.Names)
        {
            var code = HotPaths.Tier1Of(off, name);
            Assert.True(code is not null, $"no tier-1 code of {name} was written");
            foreach (var trace in Traces)
                Assert.False(code.Contains(trace, StringComparison.Ordinal), $"{name} refers to {trace} with checking off:\n{code}");
            // The same search finds the hooks when they are there, so that their absence above means something.
            var hooked = HotPaths.Tier1Of(on, name);
            Assert.True(hooked is not null && Traces.Any(trace => hooked.Contains(trace, StringComparison.Ordinal)),
                $"{name} shows no trace of the hooks with checking on");
        }

        // Nothing left of an empty method but its return.
        foreach (var empty in new[] { "HotMap", "HotNotHeld", "HotBalanced" })
            Assert.DoesNotContain("call", HotPaths.Tier1Of(off, empty)!, StringComparison.Ordinal);
    }

    private static string Disassemble(params string[] more)
    {
        var file = Path.Combine(Path.GetTempPath(), $"warren-{Guid.NewGuid():N}.asm");
        try
        {
            var environment = new Dictionary<string, string>
            {
                ["DOTNET_JitDisasm"] = "Hot*",
                ["DOTNET_JitStdOutFile"] = file,
                ["DOTNET_TieredPGO"] = "0",
                ["DOTNET_ReadyToRun"] = "1",
                ["DOTNET_TieredCompilation"] = "1",
            };
            // A busy machine may need longer until everything is promoted.
            for (var rounds = 40; ; rounds *= 4)
            {
                Child.Run(environment, ["hot", rounds.ToString(System.Globalization.CultureInfo.InvariantCulture), .. more]);
                var text = File.ReadAllText(file);
                if (rounds > 1000 || HotPaths.Names.All(name => HotPaths.Tier1Of(text, name) is not null))
                    return text;
            }
        }
        finally
        {
            File.Delete(file);
        }
    }
}
