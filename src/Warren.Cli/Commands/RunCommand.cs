using System.CommandLine;
using System.CommandLine.Parsing;
using Warren.Hypervisor;
using Warren.RiscV;

namespace Warren.Cli.Commands;

/// <summary><c>warren run [options] [-- command args…]</c>: its options, and what of them is wrong.</summary>
internal static class RunCommand
{
    public static Command Build()
    {
        var kernel = new Option<string?>("--kernel") { Description = "A kernel of your own: a flat RISC-V Image (also gzip) or a bare ELF64 executable that starts in S-mode.", HelpName = "FILE" };
        var initrd = new Option<string?>("--initrd") { Description = "An initial ramdisk of your own.", HelpName = "FILE" };
        var guest = new Option<string?>("--guest") { Description = "An embedded guest: 'selftest' needs neither network nor cache.", HelpName = "NAME" };
        var append = new Option<string>("--append") { Description = "Appended to the kernel's command line.", DefaultValueFactory = _ => "", HelpName = "S" };
        var memory = new Option<long?>("--memory") { Description = "Guest memory, like 512M or 2G.", CustomParser = OptionParsers.Size, HelpName = "SIZE" };
        var cpus = new Option<int>("--cpus") { Description = "vCPUs, 1 to 16.", DefaultValueFactory = _ => 1, HelpName = "N" };
        var mmu = new Option<string>("--mmu") { Description = "How the page tables of guest memory are kept: tdp or shadow.", DefaultValueFactory = _ => MmuKind.Default.Name, HelpName = "KIND" };
        var audit = new Option<bool>("--audit") { Description = "Compare the page tables with the guest's own and the memslots while the guest runs (slow)." };
        var paging = new Option<string>("--paging") { Description = "The widest paging mode offered to the guest: sv39, sv48 or sv57.", DefaultValueFactory = _ => "sv57", HelpName = "MODE" };
        var gate = new Option<string>("--gate") { Description = "How memslot updates and invalidations stay apart: join or active-count.", DefaultValueFactory = _ => GateKind.Default.Name, HelpName = "KIND" };
        var timeout = new Option<TimeSpan?>("--timeout") { Description = "End the guest after this long, like 30s or 2m.", CustomParser = OptionParsers.Duration, HelpName = "T" };
        var verbose = new Option<bool>("--verbose") { Description = "Show the kernel's messages (on stderr when a command is given)." };
        var stats = new Option<string?>("--stats") { Description = "At exit, say on stderr what happened; '--stats=json' as one JSON object.", Arity = ArgumentArity.ZeroOrOne, HelpName = "json" };
        var mirror = ImageCommand.MirrorOption();
        var offline = new Option<bool>("--offline") { Description = "Use only what the cache holds." };
        var lockCheck = new Option<bool>("--lock-check") { Description = "Watch Warren's own locks while the guest runs; at exit, report every violation on stderr (status 123)." };
        var command = new Argument<string[]>("command") { Description = "After '--': a command to run instead of a shell.", Arity = ArgumentArity.ZeroOrMore };

        var run = new Command("run", "Boot Linux: a shell in your terminal, or one command.")
        {
            kernel, initrd, guest, append, memory, cpus, mmu, paging, gate, timeout, verbose, stats, mirror, offline, lockCheck, audit, command,
        };
        run.SetAction((result, cancel) =>
        {
            var settings = new RunSettings
            {
                Kernel = result.GetValue(kernel),
                Initrd = result.GetValue(initrd),
                Guest = result.GetValue(guest),
                Append = result.GetValue(append) ?? "",
                MemoryBytes = result.GetValue(memory) ?? 512L << 20,
                Cpus = result.GetValue(cpus),
                MaxPaging = Paging(result.GetValue(paging)),
                Gate = Gate(result.GetValue(gate) ?? ""),
                Mmu = Mmu(result.GetValue(mmu) ?? ""),
                Audit = result.GetValue(audit),
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

    /// <summary>The words after '--'. A word before it is a slip, often a misspelt option, and never a command for the guest.</summary>
    private static string[] Command(ParseResult result, string[] words)
    {
        var afterDashes = result.Tokens.Reverse().TakeWhile(t => t.Type != TokenType.DoubleDash).Count();
        var hasDashes = afterDashes < result.Tokens.Count;
        var before = words.Length - (hasDashes ? afterDashes : 0);
        return before == 0
            ? words
            : throw new UserErrorException($"'{words[0]}' is not an option of 'warren run'; see 'warren run --help', and write a command for the guest after '--'.");
    }

    private static SatpMode Paging(string? name) => name switch
    {
        "sv39" => SatpMode.Sv39,
        "sv48" => SatpMode.Sv48,
        "sv57" => SatpMode.Sv57,
        _ => throw new UserErrorException($"There is no paging mode '{name}'; choose sv39, sv48 or sv57."),
    };

    private static GateKind Gate(string name) =>
        GateKind.Find(name) ?? throw new UserErrorException($"There is no gate '{name}'; choose {string.Join(" or ", GateKind.All)}. (Those that lose are in 'warren lab'.)");

    private static MmuKind Mmu(string name) =>
        MmuKind.Find(name) ?? throw new UserErrorException($"There is no MMU '{name}'; choose {string.Join(" or ", MmuKind.All)}.");

    private static StatisticsFormat Statistics(bool given, string? format) => (given, format) switch
    {
        (false, _) => StatisticsFormat.None,
        (true, null or "text") => StatisticsFormat.Text,
        (true, "json") => StatisticsFormat.Json,
        _ => throw new UserErrorException($"'--stats={format}' is unknown; write --stats or --stats=json."),
    };
}
