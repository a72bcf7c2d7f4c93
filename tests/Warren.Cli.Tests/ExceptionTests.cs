using System.Reflection;

namespace Warren.Cli.Tests;

/// <summary>A user of the library catches <see cref="WarrenException"/>, and misses nothing of ours.</summary>
public sealed class ExceptionTests
{
    public static TheoryData<string> Assemblies => new(Ours());

    [Theory]
    [MemberData(nameof(Assemblies))]
    public void Every_exception_that_can_be_caught_by_name_is_a_WarrenException(string assembly)
    {
        var thrown = Assembly.Load(assembly).GetExportedTypes().Where(typeof(Exception).IsAssignableFrom)
            .Where(t => t != typeof(OutputClosedException)); // thrown to us, by a caller's stream, and so an IOException
        Assert.All(thrown, type => Assert.True(typeof(WarrenException).IsAssignableFrom(type), type.FullName));
    }

    [Theory]
    [InlineData(typeof(Images.ImageException))]
    [InlineData(typeof(Machines.MachineConfigurationException))]
    [InlineData(typeof(HostMemory.OutOfBudgetException))]
    [InlineData(typeof(Hypervisor.Slots.MemslotException))]
    [InlineData(typeof(Agent.AgentException))]
    public void The_assemblies_looked_at_are_those_that_throw(Type exception) => Assert.Contains(exception.Assembly.GetName().Name, Ours());

    /// <summary>The parts of the command, as its own directory has them.</summary>
    private static string[] Ours()
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var left = new Stack<string>(["Warren.Cli"]);
        while (left.TryPop(out var name))
        {
            if (!seen.Add(name))
                continue;
            foreach (var used in Assembly.Load(name).GetReferencedAssemblies()
                .Where(a => a.Name == "Warren" || a.Name!.StartsWith("Warren.", StringComparison.Ordinal)))
            {
                left.Push(used.Name!);
            }
        }

        // A tool of the build, which references nothing of what it helps to build.
        seen.Remove("Warren.Assembler");
        return [.. seen.Order(StringComparer.Ordinal)];
    }
}
