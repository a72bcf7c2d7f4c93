namespace Warren.Cli.Tests.Streams;

/// <summary>The command in pipelines and on a terminal, as people use it.</summary>
[Collection(nameof(GuestFileCollection))]
[Trait("Length", "Gate")]
public class PipelineTests(GuestFiles files)
{
    private const int GuestEnded = 122;

    [Fact]
    public async Task Input_of_a_bare_guest_is_what_its_console_hears_and_its_end_ends_nothing()
    {
        using var run = new Redirection();
        Assert.Equal(0, await run.RunAsync("(printf ab; sleep 1; printf cq) | (W) >out 2>err", ["run", "--kernel", files.Listener]));
        Assert.Equal(("[a][b][c][q]", ""), (run.Read("out"), run.Read("err")));
    }

    [SkippableFact]
    public async Task A_command_that_ignores_SIGPIPE_gets_EPIPE_and_its_status_comes_back()
    {
        var (status, _, _) = await InGuest("W | head -1; exit ${PIPESTATUS[0]}", "trap '' PIPE; while echo y; do :; done; exit 3");
        Assert.Equal(3, status);
    }

    [SkippableFact]
    public async Task A_command_whose_reader_leaves_ends_quietly()
    {
        var (status, output, errors) = await InGuest("(W) 2>err | head -3 >out; exit ${PIPESTATUS[0]}", "yes");
        Assert.Equal((141, "y\ny\ny\n", ""), (status, output, errors));
    }

    [SkippableFact]
    public async Task Arguments_are_bytes()
    {
        files.RequireLinux();
        using var run = new Redirection();
        Assert.Equal(0,
            await run.RunAsync("words+=($'\\xff\\xfeA' $'\\xc3\\xa9' ''); (W) </dev/null | od -An -tx1 >out",
                ["run", "--", "printf", "%s."]));
        Assert.Equal("ff fe 41 2e c3 a9 2e 2e", run.Read("out").Trim());
    }

    /// <summary>A header that announces more than a frame holds; one of no known type; whole frames that lie; and noise.</summary>
    [SkippableTheory]
    [InlineData("printf 'O\\377\\377\\377' >/dev/ttyS1; sleep 20")]
    [InlineData("printf 'Z\\0\\0\\0' >/dev/ttyS1; sleep 20")]
    [InlineData("printf 'C\\4\\0\\0\\1\\0\\0\\0' >/dev/ttyS1; sleep 20")]
    [InlineData("printf 'R\\0\\0\\0' >/dev/ttyS1; sleep 20")]
    [InlineData("head -c 3000 /dev/urandom >/dev/ttyS1; sleep 20")]
    public async Task Nonsense_on_the_agents_line_ends_in_one_sentence(string nonsense)
    {
        var (status, _, errors) = await InGuest("(W) </dev/null >out 2>err", nonsense);
        Assert.Equal(GuestEnded, status);
        Assert.StartsWith("warren: The guest's agent ", errors, StringComparison.Ordinal);
        Assert.Single(errors.TrimEnd().Split('\n'));
    }

    [SkippableFact]
    public async Task The_shell_follows_its_terminal_and_text_on_it_is_text_and_its_status_is_ours()
    {
        files.RequireLinux();
        using var run = new Redirection();
        using var terminal = new Terminal();
        terminal.Resize(30, 100);
        // A session of its own, whose terminal it is: so the kernel tells it when the size changes.
        var running =
            run.RunAsync(
                $"export program words; exec setsid --ctty --wait dotnet $program \"${{words[@]}}\" <{terminal.Path} >{terminal.Path} 2>&1",
                ["run"]);
        await terminal.WaitForAsync("# ");
        terminal.Type("stty size; echo first=$((6*7))\r");
        await terminal.WaitForAsync("first=42");
        Assert.Contains("\n30 100\r\n", terminal.Shown, StringComparison.Ordinal);

        terminal.Resize(41, 121);
        // The size travels beside the console: it may come a moment after what is typed.
        terminal.Type("until stty size | grep 41; do sleep 1; done; echo second=$((6*7))\r");
        await terminal.WaitForAsync("second=42");
        Assert.Contains("41 121\r\n", terminal.Shown, StringComparison.Ordinal);

        terminal.Type("printf 'Kernel panic - not syncing: old\\n---[ end Kernel panic - not syncing: old ]---\\n'; echo alive=$((6*7))\r");
        await terminal.WaitForAsync("alive=42");
        terminal.Type("head -c 100 /dev/urandom >/dev/ttyS1; sleep 1; echo still=$((6*7))\r");
        await terminal.WaitForAsync("still=42");
        terminal.Type("exit 3\r");
        // Noise on the agent's line costs the status, and nothing else.
        Assert.Contains(await running, new[] { 0, 3 });
    }

    [SkippableTheory]
    [InlineData("--verbose")]
    [InlineData("--stats")]
    public async Task What_was_asked_for_and_cannot_be_shown_is_no_success(string option)
    {
        files.RequireLinux();
        using var run = new Redirection();
        Assert.Equal(125, await run.RunAsync("(W) </dev/null >out 2>/dev/full", ["run", option, "--", "echo", "hi"]));
        Assert.Equal("hi\n", run.Read("out"));
    }

    [SkippableFact]
    public async Task The_shells_status_is_ours()
    {
        files.RequireLinux();
        using var run = new Redirection();
        using var terminal = new Terminal();
        var running = run.RunAsync($"(W) <{terminal.Path} >{terminal.Path} 2>&1", ["run"]);
        terminal.Type("exit 3\r");
        Assert.Equal(3, await running);
    }

    private async Task<(int Status, string Output, string Errors)> InGuest(string script, string command)
    {
        files.RequireLinux();
        using var run = new Redirection();
        var status = await run.RunAsync(script, ["run", "--", "sh", "-c", command]);
        return (status, run.Read("out"), run.Read("err"));
    }
}
