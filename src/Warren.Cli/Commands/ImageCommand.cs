using System.CommandLine;
using Warren.Cli.CommandLine;
using Warren.Cli.Terminal;
using Warren.Images;

namespace Warren.Cli.Commands;

/// <summary><c>warren image pull | list | verify | prune</c>.</summary>
internal static class ImageCommand
{
    private const int SomethingWrong = 1;

    public static Option<string?> MirrorOption() => Options.Text("--mirror", "URL",
        "The Debian mirror to pull from, instead of WARREN_MIRROR or the one apt is configured with.",
        "the root of a Debian archive, an http or https URL");

    public static ImageStore OpenStore(string? mirror, string? keyring = null) =>
        new(new ImageStoreOptions { Mirror = new MirrorOptions { Mirror = mirror }, Keyring = keyring });

    public static Command Build()
    {
        var mirror = MirrorOption();
        var keyring =
            Options.File("--keyring", "Keys that may sign the archive, instead of WARREN_KEYRING or the host's debian-archive-keyring.");
        var pull = new Command("pull", "Fetch Debian's riscv64 kernel and busybox, or bring them up to date.") { mirror, keyring };
        pull.SetAction(async (result, cancel) =>
        {
            PullResult pulled;
            using (var progress = new PullProgressBar())
            {
                pulled = await OpenStore(result.GetValue(mirror), result.GetValue(keyring)).PullAsync(progress, cancel)
                    .ConfigureAwait(false);
            }
            Console.Out.WriteLine(
                $"{(pulled.Changed ? "pulled" : "up to date:")} Linux {pulled.Guest.Version}, busybox {pulled.Guest.BusyboxVersion}");
            return ExitStatus.Success;
        });

        var list = new Command("list", "Show what the cache holds.");
        list.SetAction(_ => Show(OpenStore(null).List()));

        var verify = new Command("verify", "Compare every cached file with its recorded SHA-256.");
        verify.SetAction(async (_, cancel) => Show(await OpenStore(null).VerifyAsync(cancel).ConfigureAwait(false)));

        var prune = new Command("prune", "Delete what the newest pull does not need.");
        prune.SetAction(async (_, cancel) =>
        {
            var pruned = await OpenStore(null).PruneAsync(cancellation: cancel).ConfigureAwait(false);
            Console.Out.WriteLine($"deleted {pruned.Files.Count} files, {pruned.Bytes / 1e6:0.0} MB");
            return ExitStatus.Success;
        });
        return new Command("image", "The cached guest images.") { pull, list, verify, prune };
    }

    private static int Show(IReadOnlyList<ImageStatus> entries)
    {
        if (entries.Count == 0) Console.Out.WriteLine($"{OpenStore(null).Directory} is empty; 'warren image pull' fills it.");
        foreach (var e in entries)
        {
            var health = e.Health == ImageHealth.Unchecked ? "present" : e.Health.ToString().ToLowerInvariant();
            Console.Out.WriteLine(
                $"{health,-8} {(e.Current ? "current" : "old"),-8} {e.Entry.Size / 1e6,8:0.0} MB  "
                    + $"{e.Entry.Kind.ToString().ToLowerInvariant(),-12} {e.Entry.Package} {e.Entry.Version}  {e.Path}");
        }

        var bad = entries.Where(e => e.IsBad).ToList();
        if (bad.Count == 0) return ExitStatus.Success;
        Console.Error.WriteLine($"warren: {bad[0].Sentence}{(bad.Count > 1 ? $", and {bad.Count - 1} more" : "")}; {Remedy(bad)}.");
        return SomethingWrong;
    }

    /// <summary>A pull makes good what the newest pull is made of; nobody needs the rest.</summary>
    private static string Remedy(List<ImageStatus> bad) =>
        (bad.Exists(e => e.Current && e.Entry.Kind != ImageKind.Initramfs), bad.Exists(e => !e.Current)) switch
        {
            (true, false) => "'warren image pull' fetches it again",
            (true, true) => "'warren image pull' fetches what is needed again, 'warren image prune' deletes the rest",
            (false, true) => "'warren image prune' deletes it",
            _ => "the next 'warren run' makes it anew",
        };
}
