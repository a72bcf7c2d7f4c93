using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using Spectre.Console;
using Warren.Cli.Terminal;
using Warren.HostMemory;
using Warren.Images;

namespace Warren.Cli.Commands;

/// <summary><c>warren doctor</c>: what of the host matters to Warren, and whether it is fine.</summary>
internal static class DoctorCommand
{
    private const int SomethingWrong = 1;
    private const long Mega = 1 << 20;

    private static readonly string[] Verifiers = ["gpgv", "sqv"];

    private enum Verdict
    {
        Good,
        Note,
        Bad,
    }

    private sealed record Finding(string Subject, Verdict Verdict, string Text);

    public static Command Build()
    {
        var mirror = ImageCommand.MirrorOption();
        var doctor = new Command("doctor", "Say what of this host matters to Warren, and whether it is fine.") { mirror };
        doctor.SetAction(result => Print(Examine(result.GetValue(mirror))));
        return doctor;
    }

    private static int Print(IEnumerable<Finding> findings)
    {
        var console = Consoles.Output();
        var bad = false;
        foreach (var f in findings)
        {
            bad |= f.Verdict == Verdict.Bad;
            var mark = f.Verdict switch { Verdict.Good => "[green]ok  [/]", Verdict.Note => "[yellow]note[/]", _ => "[red]bad [/]" };
            console.MarkupLine($"{mark}  [bold]{f.Subject,-14}[/] {Markup.Escape(f.Text)}");
        }
        return bad ? SomethingWrong : ExitStatus.Success;
    }

    private static IEnumerable<Finding> Examine(string? mirror) => Checks(mirror).Select(c => Examine(c.Subject, c.Check));

    private static IEnumerable<(string Subject, Func<Finding> Check)> Checks(string? mirror)
    {
        yield return ("platform", Platform);
        yield return ("runtime", () => new Finding("runtime", Verdict.Good, RuntimeInformation.FrameworkDescription));
        yield return ("instructions", Instructions);
        yield return ("processors", Processors);
        yield return ("memory", Memory);
        yield return ("overcommit", Overcommit);
        yield return ("address space", AddressSpaceLimit);
        yield return ("cache", Cache);
        yield return ("images", Images);
        yield return ("mirror", () => Mirror(mirror));
        yield return ("signatures", Verifier);
        yield return ("terminal", Terminal);
        yield return ("/dev/kvm", Kvm);
    }

    /// <summary>One line whatever happens: what cannot be found out says nothing about the rest.</summary>
    private static Finding Examine(string subject, Func<Finding> check)
    {
        try
        {
            return check();
        }
        catch (WarrenException e)
        {
            return new Finding(subject, Verdict.Bad, e.Message.TrimEnd('.'));
        }
        catch (Exception e)
        {
            return new Finding(subject, Verdict.Bad, $"cannot be found out ({e.Message.TrimEnd('.')})");
        }
    }

    private static Finding Platform() =>
        OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64
            ? new Finding("platform", Verdict.Good, $"Linux x64, {RuntimeInformation.OSDescription}")
            : new Finding("platform", Verdict.Bad,
                $"{RuntimeInformation.OSDescription} {RuntimeInformation.ProcessArchitecture}: Warren runs on Linux x64");

    private static Finding Instructions()
    {
        var missing = new List<string>();
        if (!Fma.IsSupported) missing.Add("FMA");
        if (!Popcnt.X64.IsSupported) missing.Add("POPCNT");
        if (!Lzcnt.X64.IsSupported) missing.Add("LZCNT");
        if (!Bmi1.X64.IsSupported) missing.Add("BMI1");
        return missing.Count == 0
            ? new Finding("instructions", Verdict.Good, "all that the interpreter likes to use")
            : new Finding("instructions", Verdict.Note, $"no {string.Join(", ", missing)}: correct but slower");
    }

    private static Finding Processors() => Environment.ProcessorCount > 1
        ? new Finding("processors", Verdict.Good, $"{Environment.ProcessorCount}; vCPUs run on at most as many threads")
        : new Finding("processors", Verdict.Note, "1: guests with several vCPUs take turns");

    private static Finding Memory()
    {
        var available = ReadKilobytes("/proc/meminfo", "MemAvailable:") * 1024;
        var limit = ControlGroups.FindMemoryLimit() is { } found && found.Left < available ? found : default;
        if (limit.Limit > 0) available = limit.Left;
        var by = limit.Limit > 0 ? $" (the control group's limit is {limit.Limit / Mega}, in {limit.File})" : "";
        return available >= 640 * Mega
            ? new Finding("memory", Verdict.Good, $"{available / Mega} MiB available{by}; a guest costs what it touches and some 80 MB")
            : new Finding("memory", Verdict.Note,
                $"{available / Mega} MiB available{by}: a guest that touches more than "
                    + $"{Math.Max(0, available - ProcessMemory.OwnNeed) / Mega} of it is ended");
    }

    private static Finding Overcommit()
    {
        const string file = "/proc/sys/vm/overcommit_memory", never = "2";
        return ReadText(file) == never
            ? new Finding("overcommit", Verdict.Note, $"{file} is 2: reserved guest memory counts as used; use --memory sparingly")
            : new Finding("overcommit", Verdict.Good, "guest memory can be reserved without being used");
    }

    private static Finding AddressSpaceLimit()
    {
        var limits =
            new[] { (Letter: 'v', Bytes: ProcessLimits.AddressSpace),
                (Letter: 'd', Bytes: ProcessLimits.Data) }.Where(l => l.Bytes is not null)
            .Select(l => $"'ulimit -{l.Letter}' allows {l.Bytes / Mega} MiB").ToList();
        return limits.Count == 0
            ? new Finding("address space", Verdict.Good, "unlimited")
            : new Finding("address space", Verdict.Note,
                $"{string.Join(", ", limits)}: a guest's memory is reserved twice over and may be refused; raise it with 'unlimited'");
    }

    private static Finding Cache()
    {
        var directory = ImageCommand.OpenStore(null).Directory;
        try
        {
            Directory.CreateDirectory(directory);
            var probe = Path.Combine(directory, $".tmp-doctor-{Environment.ProcessId}");
            File.WriteAllText(probe, "");
            File.Delete(probe);
            var free = new DriveInfo(directory).AvailableFreeSpace / Mega;
            return free >= 300
                ? new Finding("cache", Verdict.Good, $"{directory} is writable, {free} MiB free")
                : new Finding("cache", Verdict.Note, $"{directory} has {free} MiB free; a pull needs about 300");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new Finding("cache", Verdict.Bad,
                $"{directory} cannot be written ({e.Message.TrimEnd('.')}); set XDG_CACHE_HOME to a place that can");
        }
    }

    private static Finding Images()
    {
        var current = ImageCommand.OpenStore(null).List().Where(e => e.Current).ToList();
        if (current.Count == 0)
            return new Finding("images", Verdict.Note, "none cached: the first 'warren run' pulls them");
        return current.FirstOrDefault(e => e.IsBad) is { } bad
            ? new Finding("images", Verdict.Note, $"{bad.Sentence}: the next 'warren run' pulls it again")
            : new Finding("images", Verdict.Good,
                string.Join(", ",
                    current.Where(e => e.Entry.Version.Length > 0).Select(e => $"{e.Entry.Package} {e.Entry.Version}").Distinct()));
    }

    private static Finding Mirror(string? mirror)
    {
        try
        {
            var found = MirrorLocator.Locate(new MirrorOptions { Mirror = mirror });
            return new Finding("mirror", Verdict.Good, $"{found.Root} ({found.Origin})");
        }
        catch (ImageException e)
        {
            return new Finding("mirror", Verdict.Note, e.Message);
        }
    }

    private static Finding Verifier()
    {
        var path = Environment.GetEnvironmentVariable("PATH") ?? "";
        var tool = Verifiers.FirstOrDefault(t => path.Split(':').Any(d => File.Exists(Path.Combine(d, t))));
        return tool is not null
            ? new Finding("signatures", Verdict.Good, $"{tool} checks the archive's signature")
            : new Finding("signatures", Verdict.Note,
                "neither gpgv nor sqv is installed: 'warren image pull' needs one (apt install gpgv)");
    }

    private static Finding Terminal() => RawTerminal.IsTerminal
        ? new Finding("terminal", Verdict.Good, RawTerminal.WindowSize() is { } s ? $"{s.Columns} columns, {s.Rows} rows" : "size unknown")
        : new Finding("terminal", Verdict.Note, "standard input is none: 'warren run' reads shell commands from it instead");

    private static Finding Kvm() => File.Exists("/dev/kvm")
        ? new Finding("/dev/kvm", Verdict.Note, "present; Warren does not use it, only 'warren bench' compares with it")
        : new Finding("/dev/kvm", Verdict.Good, "absent, and not needed");

    private static string? ReadText(string path)
    {
        try
        {
            return File.ReadAllText(path).Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static long ReadKilobytes(string path, string key)
    {
        var line = ReadText(path)?.Split('\n').FirstOrDefault(l => l.StartsWith(key, StringComparison.Ordinal));
        var digits = new string([.. (line ?? "").Where(char.IsAsciiDigit)]);
        return long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : long.MaxValue / 1024;
    }
}
