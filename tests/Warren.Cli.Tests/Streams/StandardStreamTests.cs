using System.Globalization;

namespace Warren.Cli.Tests.Streams;

/// <summary>
/// Each way to run a guest with one standard stream off its normal state at a time, and with all three closed: the status, all of the
/// output or one sentence, and an end. Normal is an input at its end (for the shell: its script), and files for both outputs.
/// </summary>
[Collection(nameof(GuestFileCollection))]
[Trait("Length", "Gate")]
public class StandardStreamTests(GuestFiles files)
{
    private const int HostError = 125, OutputClosed = 141;

    /// <summary>More of each output than the buffers on the way hold, so that a reader's absence is noticed before the last word.</summary>
    private const string Work = "seq 1 30000; seq 1 60000 >&2; echo complaint >&2; cat; echo end-of-output";
    private const string ShellWork = "seq 1 30000\nseq 1 60000 >&2\necho complaint >&2\necho end-of-output\n";
    private const string OwnInit = "rdinit=/bin/busybox -- sh -c \"busybox seq 1 30000; echo end-of-output; busybox poweroff -f\"";

    private static readonly string[] Ways = ["shell", "command", "own kernel", "flat kernel", "own initrd", "embedded guest"];

    /// <summary>Redirections by state; a pipe whose reader is gone before it is written to is descriptor 4.</summary>
    private static readonly Dictionary<string, string> Inputs = new()
    {
        ["terminal"] = "<$terminal",
        ["file"] = "<in",
        ["closed"] = "<&-",
        ["at its end"] = "</dev/null",
        ["slow"] = "< <(sleep 1; cat in)",
        ["broken"] = "<.",
    };

    private static readonly Dictionary<string, string> Outputs = new()
    {
        ["terminal"] = ">$terminal",
        ["closed"] = ">&-",
        ["full"] = ">/dev/full",
        ["slow"] = ">slow",
        ["broken"] = ">&4",
        ["broken half way"] = "> >(head -c 100 >out)",
    };

    public static TheoryData<string, string, string> Cases
    {
        get
        {
            var cases = new TheoryData<string, string, string>();
            foreach (var way in Ways)
            {
                foreach (var state in Inputs.Keys) cases.Add(way, "input", state);
                foreach (var state in Outputs.Keys.Where(s => s != "broken half way" || way != "embedded guest"))
                    cases.Add(way, "output", state);
                foreach (var state in Outputs.Keys.Where(s => s != "broken half way")) cases.Add(way, "errors", state);
                cases.Add(way, "all", "closed");
            }
            return cases;
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Cases))]
    public async Task One_stream_off_its_normal_state(string way, string stream, string state)
    {
        if (way is "shell" or "command") files.RequireLinux();
        using var run = new Redirection();
        using var terminal = new Terminal();
        run.Write("in", way == "shell" ? ShellWork : "from-input\n");
        var (input, output, errors) = (way == "shell" ? "<in" : "</dev/null", ">out", "2>err");
        switch (stream)
        {
            case "input":
                input = Inputs[state];
                break;
            case "output":
                output = Outputs[state];
                break;
            case "errors":
                errors = $"2{Outputs[state]}";
                break;
            default:
                (input, output, errors) = ("<&-", ">&-", "2>&-");
                break;
        }

        // Opened for both and then for reading no more: a pipe with a writer and without a reader.
        const string brokenPipe = "mkfifo gone; exec 3<>gone 4>gone 3<&-";
        var slowReader = state == "slow" && stream != "input"
            ? $"mkfifo slow; (sleep 2; exec cat <slow >{(stream == "errors" ? "err" : "out")}) &" : "";
        var script = $"terminal={terminal.Path}; {brokenPipe}\n{slowReader}\n(W {input} {output} {errors}); status=$?; wait; exit $status";
        var running = run.RunAsync(script, Arguments(way, waitsForInput: (stream, state) == ("input", "broken")));
        if ((stream, state) == ("input", "terminal"))
        {
            if (way == "shell")
            {
                // On a terminal it is interactive, and its screen is the standard output.
                terminal.Type(ShellWork.Replace('\n', '\r'));
                terminal.Type("exit\r");
            }
            else if (way == "command")
            {
                terminal.Type("\u0004");
            }
        }
        var status = await running;
        var shown = await terminal.CloseAsync();

        Assert.Equal(Status(way, stream, state), status);
        var (text, complaints) = (stream, state) switch
        {
            ("output", "terminal") => (shown, run.Read("err")),
            ("errors", "terminal") => (run.Read("out"), shown),
            _ => (run.Read("out"), run.Read("err")),
        };
        Assert.DoesNotContain("   at ", complaints + text, StringComparison.Ordinal);
        Assert.Equal(status == HostError && stream != "errors" && stream != "all" ? 1 : 0, complaints.Split("warren: ").Length - 1);
        if (status == 0) AssertComplete(way, stream, state, text.Replace("\r", "", StringComparison.Ordinal), complaints);
    }

    private static int Status(string way, string stream, string state) => (stream, state) switch
    {
        ("input", "broken") when way != "embedded guest" => HostError,
        ("output", "closed" or "full") => HostError,
        ("output", "broken" or "broken half way") => OutputClosed,
        // Only commands have errors of their own.
        ("errors", "closed" or "full") when way is "shell" or "command" => HostError,
        ("errors", "broken") when way is "shell" or "command" => OutputClosed,
        ("all", _) when way != "shell" => HostError,
        _ => 0,
    };

    private static void AssertComplete(string way, string stream, string state, string text, string complaints)
    {
        if (way == "shell" && (stream, state) is ("input", "closed" or "at its end") or ("all", _))
        {
            Assert.Equal("", text);
            return;
        }
        var counted = string.Concat(Enumerable.Range(1, 30000).Select(i => i.ToString(CultureInfo.InvariantCulture) + "\n"));
        switch (way)
        {
            case "command":
                var read = stream == "input" && state is "file" or "slow" && stream == "input" ? "from-input\n" : "";
                Assert.Equal($"{counted}{read}{GuestFiles.LastWords}\n", text);
                Assert.EndsWith("\n60000\ncomplaint\n", complaints.ReplaceLineEndings("\n"), StringComparison.Ordinal);
                break;
            case "shell" when (stream, state) == ("input", "terminal"):
                Assert.Contains($"\n{counted}", text, StringComparison.Ordinal);
                Assert.Contains($"\n{GuestFiles.LastWords}\n", text, StringComparison.Ordinal);
                break;
            case "shell":
                Assert.Equal($"{counted}{GuestFiles.LastWords}\n", text);
                Assert.EndsWith("\n60000\ncomplaint\n", complaints.ReplaceLineEndings("\n"), StringComparison.Ordinal);
                break;
            case "own initrd":
                // The kernel's log stays off a console that nobody asked to have it on.
                Assert.DoesNotContain("Linux version", text, StringComparison.Ordinal);
                Assert.Contains($"{counted}{GuestFiles.LastWords}\n", text, StringComparison.Ordinal);
                break;
            case "embedded guest":
                Assert.Contains(" 0 failed", text, StringComparison.Ordinal);
                break;
            default:
                Assert.Equal(string.Concat(Enumerable.Repeat("line\n", 40000)) + GuestFiles.LastWords + "\n", text);
                break;
        }
    }

    private string[] Arguments(string way, bool waitsForInput) => way switch
    {
        "shell" => ["run"],
        "command" => ["run", "--", "sh", "-c", Work],
        "own kernel" => ["run", "--kernel", waitsForInput ? files.Listener : files.Talker],
        "flat kernel" => ["run", "--kernel", waitsForInput ? files.Listener : files.FlatTalker],
        "own initrd" => ["run", "--kernel", files.Linux, "--initrd", files.Initrd, "--append", OwnInit],
        _ => ["run", "--guest", "selftest", "--cpus", "2"],
    };
}
