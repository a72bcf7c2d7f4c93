using Warren.Cli.CommandLine;

namespace Warren.Cli.Commands;

/// <summary>The text of <c>warren run</c>'s help beyond its options.</summary>
internal static class RunHelp
{
    public const string Usage = "[options] [-- <command> [<argument>...]]";

    public static readonly HelpSection[] Sections =
    [
        new("Examples:",
            "warren run                            a shell in your terminal",
            "warren run -- uname -a                one command, and its exit status",
            "tar c . | warren run -- tar t         its input and output are yours",
            "echo 'free -m; nproc' | warren run    a shell that reads its commands",
            "warren run --memory 2G --cpus 4 --timeout 1m -- sh -c 'nproc; free -m'",
            "warren run --kernel Image --initrd own.cpio --append 'loglevel=4'",
            "warren run --guest selftest           no network, no cache, no Linux"),
        new("Keys at a terminal:",
            "Ctrl-A X ends the guest, Ctrl-A A sends it one Ctrl-A, Ctrl-A H shows help."),
        new("Exit status:",
            "the command's own, or 128 + N when signal N ended it. Warren's are:",
            "120  the guest kernel panicked       124  --timeout was reached",
            "121  the guest failed                125  Warren could not do this",
            "122  the guest ended too early       126  the command cannot be executed",
            "123  --lock-check found something    127  the command does not exist",
            "130  interrupted                    141  nobody reads the output any more"),
    ];
}
