using System.CommandLine;
using System.CommandLine.Parsing;
using Warren.Cli.CommandLine;
using Warren.Hypervisor;
using Warren.Hypervisor.Invalidation;
using Warren.Hypervisor.Paging;
using Warren.RiscV;

namespace Warren.Cli.Commands;

/// <summary><c>warren run [options] [-- command args…]</c>: its options, and what of them is wrong.</summary>
internal static class RunCommand
{
    private static readonly (string Name, SatpMode Value)[] PagingModes =
        [("sv39", SatpMode.Sv39), ("sv48", SatpMode.Sv48), ("sv57", SatpMode.Sv57)];

    public static Command Build()
    {
        var kernel =
            Options.File("--kernel",
                "A kernel of your own: a flat RISC-V Image (also gzip) or a bare ELF64 executable that starts in S-mode.");
        var initrd = Options.File("--initrd", "An initial ramdisk of your own.");
        var guest =
            Options.Choice("--guest", "NAME", "An embedded guest: 'selftest' needs neither network nor cache.",
                [RunSettings.SelftestGuest]);
        var append = new Option<string>("--append") { Description = "Appended to the kernel's command line.", HelpName = "S" };
        var cmdline =
            new Option<string?>("--cmdline") { Description = "The kernel's whole command line: Warren adds nothing.", HelpName = "S" };
        var memory = Options.Memory();
        var cpus = Options.Cpus(1);
        var mmu =
            Options.Choice("--mmu", "KIND", "How the page tables of guest memory are kept: tdp or shadow.", MmuKind.All.Select(k => k.Name),
                MmuKind.Default.Name);
        var audit = Options.Flag("--audit", "Compare the page tables with the guest's own and the memslots while the guest runs (slow).");
        var paging =
            Options.Choice("--paging", "MODE", "The widest paging mode offered to the guest: sv39, sv48 or sv57.",
                PagingModes.Select(m => m.Name), PagingModes[^1].Name);
        var gate = Options.Choice("--gate", "KIND", "How memslot updates and invalidations stay apart: join or active-count; the other "
            + "ones are in 'warren lab'.", GateKind.All.Select(k => k.Name), GateKind.Default.Name);
        var timeout =
            Options.Duration("--timeout", "End the guest after this long, like 500ms, 30s or 2m; at most 24 days. Without it, never.");
        var verbose = Options.Flag("--verbose", "Show the kernel's messages (on stderr when a command is given).");
        var stats = new Option<string?>("--stats")
        {
            Description = "At exit, say on stderr what happened; '--stats=json' as one JSON "
            + "object.",
            Arity = ArgumentArity.ZeroOrOne,
            HelpName = "json"
        };
        var mirror = ImageCommand.MirrorOption();
        var offline = Options.Flag("--offline", "Use only what the cache holds.");
        var lockCheck =
            Options.Flag("--lock-check",
                "Watch Warren's own locks while the guest runs; at exit, report every violation on stderr (status 123).");
        // The usage line shows it where it stands.
        var command =
            new Argument<string[]>("command")
            { Description = "After '--': a command to run instead of a shell.", Arity = ArgumentArity.ZeroOrMore, Hidden = true };

        var run = new GuideCommand("run", "Boot Linux: a shell in your terminal, or one command.", RunHelp.Usage, RunHelp.Sections)
        {
            kernel, initrd, guest, append, cmdline, memory, cpus, mmu, paging, gate, timeout, verbose, stats, mirror, offline, lockCheck,
            audit, command,
        };
        run.SetAction((result, cancel) =>
        {
            var settings = new RunSettings
            {
                Kernel = result.GetValue(kernel),
                Initrd = result.GetValue(initrd),
                Guest = result.GetValue(guest),
                Append = result.GetValue(append) ?? "",
                CommandLine = result.GetValue(cmdline),
                MemoryBytes = result.GetValue(memory).Bytes,
                Cpus = (int)result.GetValue(cpus),
                MaxPaging = PagingModes.First(m => m.Name == result.GetValue(paging)).Value,
                Vm = new VmOptions
                {
                    Gate = GateKind.Find(result.GetValue(gate)!)!,
                    Mmu = MmuKind.Find(result.GetValue(mmu)!)!,
                    Audit = result.GetValue(audit),
                },
                Timeout = result.GetValue(timeout),
                Verbose = result.GetValue(verbose),
                Statistics = Statistics(result.GetResult(stats) is { Implicit: false }, result.GetValue(stats)),
                Mirror = result.GetValue(mirror),
                Offline = result.GetValue(offline),
                Command = Command(result, result.GetValue(command) ?? []),
            };
            settings.Validate();
            var session = new GuestSession(settings);
            return result.GetValue(lockCheck) ? LockCheck.RunAsync(() => session.RunAsync(cancel)) : session.RunAsync(cancel);
        });
        return run;
    }

    /// <summary>The words after '--'. A word before it is a slip and never a command for the guest.</summary>
    private static string[] Command(ParseResult result, string[] words)
    {
        var afterDashes = result.Tokens.Reverse().TakeWhile(t => t.Type != TokenType.DoubleDash).Count();
        var hasDashes = afterDashes < result.Tokens.Count;
        var before = words.Length - (hasDashes ? afterDashes : 0);
        return before == 0
            ? words
            : throw new UserErrorException(
                $"'{words[0]}' is not an option of 'warren run'; write a command for the guest after '--', as in 'warren run -- "
                    + $"{words[0]}'");
    }

    private static StatisticsFormat Statistics(bool given, string? format) => (given, format) switch
    {
        (false, _) => StatisticsFormat.None,
        (true, null or "text") => StatisticsFormat.Text,
        (true, "json") => StatisticsFormat.Json,
        _ => throw new UserErrorException($"'--stats={format}' is unknown; write --stats or --stats=json."),
    };
}
