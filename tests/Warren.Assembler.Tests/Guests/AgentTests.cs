using System.Text;

namespace Warren.Asm.Tests.Guests;

/// <summary>The agent protocol (docs/agent-protocol.md), spoken by the guest's end under <c>qemu-riscv64</c>.</summary>
public class AgentTests
{
    private const uint NotFound = 2;
    private const uint TooBig = 7;
    private const uint NotPermitted = 13;
    private const uint Invalid = 22;

    [SkippableFact]
    public void Output_errors_and_status_come_back()
    {
        var outcome = Run(["sh", "-c", "echo out; echo err >&2; exit 37"]);
        Assert.Equal(('Q', 37u, 0u), (outcome.Type, outcome.Value, outcome.Signal));
        Assert.Equal("out\n", Encoding.UTF8.GetString(outcome.Output));
        Assert.Equal("err\n", Encoding.UTF8.GetString(outcome.Errors));
    }

    [SkippableFact]
    public void Arguments_arrive_as_they_are() =>
        Assert.Equal("<a>\n<>\n<b c>\n<é\n>\n", Encoding.UTF8.GetString(Run(["printf", "<%s>\n", "a", "", "b c", "é\n"]).Output));

    [SkippableFact]
    public void Environment_arrives_and_is_completed()
    {
        var lines = Encoding.UTF8.GetString(Run(["env"], ["A=b c", "B="]).Output).Split('\n');
        Assert.Contains("A=b c", lines);
        Assert.Contains("B=", lines);
        Assert.Contains("HOME=/root", lines);
        Assert.Contains(lines, l => l.StartsWith("PATH=/usr/local/sbin:", StringComparison.Ordinal));
        lines = Encoding.UTF8.GetString(Run(["/usr/bin/env"], ["PATH=/x", "HOME=/y"]).Output)
            .Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(["HOME=/y", "PATH=/x"], lines.Order(StringComparer.Ordinal));
    }

    [SkippableTheory]
    [InlineData(NotFound, "no-such-command")]
    [InlineData(NotFound, "/no/such/command")]
    [InlineData(NotFound, "")]
    [InlineData(NotPermitted, "/etc/passwd")]
    public void A_command_that_cannot_start_gives_its_errno(uint errno, string command)
    {
        var outcome = Run([command]);
        Assert.Equal(('F', errno), (outcome.Type, outcome.Value));
    }

    [SkippableFact]
    public void The_path_is_searched_in_order()
    {
        Assert.Equal(('F', NotFound), Type(Run(["env"], ["PATH=/nonexistent:/etc"])));
        Assert.Equal(('Q', 0u), Type(Run(["env"], ["PATH=/nonexistent:/etc/passwd:/usr/bin"])));
        Assert.Equal(('F', NotPermitted), Type(Run(["passwd"], ["PATH=/etc:/nonexistent"])));
    }

    [SkippableFact]
    public void Requests_may_be_long_but_not_too_long()
    {
        string text = new('x', 100_000);
        Assert.Equal("100000", Encoding.UTF8.GetString(Run(["sh", "-c", "printf %s ${#1}", "sh", text]).Output));
        Assert.Equal(('F', TooBig), Type(Run(["echo", text, text])));
        Assert.Equal(('F', TooBig), Type(Run([.. Enumerable.Repeat("a", 9000)])));
    }

    [SkippableFact]
    public void Input_passes_unchanged()
    {
        var input = new byte[300_000];
        new Random(1).NextBytes(input);
        var outcome = Run(["cat"], input: input);
        Assert.Equal(input, outcome.Output);
        Assert.Equal(input.Length, outcome.Credited);
    }

    [SkippableFact]
    public void Input_that_nobody_reads_is_still_credited()
    {
        Require();
        using var session = AgentSession.Start();
        session.Request(["sh", "-c", "exec 0<&-; exec sleep 1000"], []);
        var outcome = session.Converse(new byte[200_000], endInput: false, 0, signalAfterInput: 9);
        Assert.Equal(200_000, outcome.Credited);
        Assert.Equal(9u, outcome.Signal);
    }

    [SkippableFact]
    public void Input_need_not_end() => Assert.Equal("now\n", Encoding.UTF8.GetString(Run(["echo", "now"], endInput: false).Output));

    [SkippableFact]
    public void The_end_of_input_is_seen() => Assert.Equal("0\n", Encoding.UTF8.GetString(Run(["sh", "-c", "cat | wc -c"]).Output));

    [SkippableFact]
    public void A_signal_reaches_the_commands_group()
    {
        var outcome = Run(["sh", "-c", "echo go; sleep 100"], signalAtOutput: 15);
        Assert.Equal(('Q', 15u), (outcome.Type, outcome.Signal));
    }

    [SkippableFact]
    public void A_background_process_does_not_delay_the_end()
    {
        var outcome = Run(["sh", "-c", "(sleep 5; echo late) & echo early; exit 3"]);
        Assert.Equal(('Q', 3u), Type(outcome));
        Assert.Equal("early\n", Encoding.UTF8.GetString(outcome.Output));
    }

    [SkippableFact]
    public void Output_at_the_end_is_complete()
    {
        var outcome = Run(["sh", "-c", "head -c 1000000 /dev/zero; head -c 60000 /dev/zero >&2"]);
        Assert.Equal(1_000_000, outcome.Output.Length);
        Assert.Equal(60_000, outcome.Errors.Length);
    }

    [SkippableFact]
    public void Malformed_requests_are_refused()
    {
        Assert.Equal(('F', Invalid), Type(Raw([])));
        Assert.Equal(('F', Invalid), Type(Raw([0, 0, 0, 0, (byte)'a', 0])));
        Assert.Equal(('F', Invalid), Type(Raw([2, 0, 0, 0, (byte)'a', 0])));
        Assert.Equal(('F', Invalid), Type(Raw([1, 0, 0, 0, (byte)'a'])));
        Assert.Equal(('F', Invalid), Type(Raw([0xff, 0xff, 0xff, 0xff, (byte)'a', 0])));
    }

    [SkippableFact]
    public void Nonsense_ends_the_agent()
    {
        Require();
        (char Type, byte[] Payload)[] nonsense =
        [
            ('Z', []), ('I', new byte[4097]), ('\u00ff', []), ('B', []), ('B', [0]), ('B', [3]), ('W', []), ('W', [24, 0, 80]),
            ('W', [24, 0, 80, 0, 0]),
        ];
        foreach ((var type, var payload) in nonsense)
        {
            using var session = AgentSession.Start();
            session.Send(type, payload);
            Assert.True(session.HasEnded(), $"{type}, {payload.Length} bytes");
        }
    }

    /// <summary>The kernel does what it does in any pipeline; the other output goes on.</summary>
    [SkippableTheory]
    [InlineData(1)]
    [InlineData(2)]
    public void What_has_no_reader_any_more_fails_to_be_written(byte broken)
    {
        Require();
        using var session = AgentSession.Start();
        var redirection = broken == 1 ? "" : "exec 3>&1 1>&2 2>&3; ";
        session.Request(["sh", "-c", redirection + "trap '' PIPE; while echo y; do :; done 2>/dev/null; echo kept >&2; exit 3"], []);
        session.Send('E', []);
        session.Send('W', [24, 0, 80, 0]);
        session.Send('B', [broken]);
        session.Send('B', [broken]);
        var outcome = session.Converse([], endInput: false, 0);
        Assert.Equal(('Q', 3u, 0u), (outcome.Type, outcome.Value, outcome.Signal));
        Assert.Equal("kept\n", Encoding.UTF8.GetString(broken == 1 ? outcome.Errors : outcome.Output));
    }

    private static AgentOutcome Raw(byte[] request)
    {
        Require();
        using var session = AgentSession.Start();
        if (request.Length > 0)
            session.Send('X', request);
        session.Send('G', []);
        return session.Converse([], endInput: false, 0);
    }

    private static AgentOutcome Run(string[] command, string[]? environment = null, byte[]? input = null, bool endInput = true,
        int signalAtOutput = 0)
    {
        Require();
        return AgentSession.Run(command, environment, input, endInput, signalAtOutput);
    }

    private static (char, uint) Type(AgentOutcome outcome) => (outcome.Type, outcome.Value);

    private static void Require() => Skip.IfNot(AgentSession.IsPossible, "qemu-riscv64 or bash is not installed");
}
