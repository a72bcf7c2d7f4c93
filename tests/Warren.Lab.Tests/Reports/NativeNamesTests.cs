using Warren.Lab.Reports;

namespace Warren.Lab.Tests.Reports;

/// <summary>Native memory goes by what it is.</summary>
public sealed class NativeNamesTests
{
    [Fact]
    public void Words_of_a_virtual_machine_are_called_by_what_they_are()
    {
        var subjects = Subjects(OneStore);
        Assert.Contains("SPTE L1 gfn 0x10", subjects);
        Assert.Contains("SPTE L2 gfn 0x0", subjects);
        Assert.Contains("table L4 gfn 0x0.RootCount", subjects);
        Assert.Contains("vcpu0.Mode", subjects);
        Assert.Contains(subjects, static s => s.StartsWith("PTE hva 0x", StringComparison.Ordinal));
        Assert.Contains(subjects,
            static s => s.StartsWith("frame ", StringComparison.Ordinal) && s.EndsWith(".RefCount", StringComparison.Ordinal));
        Assert.Contains(subjects,
            static s => s.StartsWith("frame ", StringComparison.Ordinal) && s.EndsWith("+8", StringComparison.Ordinal));
    }

    [Fact]
    public void Of_several_machines_each_is_named()
    {
        var subjects = Subjects(s =>
        {
            var world = new LabWorld(s);
            var hva = world.Map(1);
            LabVm[] vms = [world.AddVm(), world.AddVm()];
            foreach (var vm in vms)
                vm.SetSlot(0, 0x10, 1, hva);
            world.Thread("vcpu", () =>
            {
                vms[1].Vcpus[0].Load(0x10);
                world.Fail(VerdictKind.Invariant, "Enough.");
            });
        });
        Assert.Contains("VM 1: SPTE L1 gfn 0x10", subjects);
        Assert.Contains("VM 1: vcpu0.Mode", subjects);
    }

    [Fact]
    public void Values_of_entries_and_pointers_say_what_they_mean()
    {
        var meanings = Failure(OneStore).Steps.Select(static s => $"{s.Subject}: {s.Meaning}").ToHashSet();
        Assert.Contains("SPTE L1 gfn 0x10: none", meanings);
        Assert.Contains("SPTE L2 gfn 0x0: table L1 gfn 0x0", meanings);
        Assert.Contains("TdpMmu#1.roots: table L4 gfn 0x0", meanings);
        Assert.Contains(meanings,
            static m => m.StartsWith("SPTE L1 gfn 0x10: frame ", StringComparison.Ordinal) && m.Contains(" rwx", StringComparison.Ordinal));
        Assert.Contains(meanings,
            static m => m.StartsWith("PTE hva 0x", StringComparison.Ordinal) && m.EndsWith(" owned", StringComparison.Ordinal));
        Assert.Contains("table L4 gfn 0x0.RootCount: ", meanings);
    }

    /// <summary>Nothing in a trace depends on where memory happens to lie.</summary>
    [Fact]
    public void The_text_of_a_trace_is_the_same_whenever_it_is_made() =>
        Assert.Equal(TextReport.Format(Failure(OneStore)), TextReport.Format(Failure(OneStore)));

    private static void OneStore(Schedule s)
    {
        var world = new LabWorld(s);
        var hva = world.Map(1);
        var vm = world.AddVm();
        vm.SetSlot(0, 0x10, 1, hva);
        world.Thread("vcpu", () =>
        {
            vm.Vcpus[0].Store(0x10, 7, 8);
            world.Fail(VerdictKind.Invariant, "Enough.");
        });
    }

    private static HashSet<string> Subjects(Action<Schedule> build) => [.. Failure(build).Steps.Select(static s => s.Subject)];

    private static Trace Failure(Action<Schedule> build)
    {
        var failure =
            Explorer.Explore(new DelegateScenario("named", "It fails.", build),
                new ExplorationOptions { Strategy = SearchStrategy.Exhaustive }).Failure;
        Assert.NotNull(failure);
        return failure;
    }
}
