using System.Diagnostics;
using Warren.HostMemory;

namespace Warren.Cli.Tests;

/// <summary>Whatever reaches Main is one sentence and 125, never a stack trace.</summary>
public class LastResortTests
{
    public static TheoryData<Exception, string> Errors => new()
    {
        { new InsufficientMemoryException(), "no more memory" },
        { new IOException("Too many open files"), "IOException (Too many open files)" },
        { new DllNotFoundException("libc\nnot there"), "DllNotFoundException (libc not there)" },
        { new TypeInitializationException("X", new InvalidDataException("bad.")), "InvalidDataException (bad)" },
        { new AggregateException(new TypeInitializationException("X", new OutOfFramesException())), "page frame" },
        { new ReservationException("a limit; raise it."), "a limit; raise it." },
        { new AggregateException(), "AggregateException" },
    };

    [Theory]
    [MemberData(nameof(Errors))]
    public void Every_exception_is_one_sentence(Exception error, string words)
    {
        var sentence = LastResort.Sentence(error);
        Assert.Contains(words, sentence, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', sentence);
        Assert.EndsWith(".", sentence, StringComparison.Ordinal);
        Assert.Equal(error is not (ReservationException or AggregateException { InnerExceptions.Count: 1 }),
            sentence.Contains(LastResort.TraceVariable, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("ulimit -v 60000000", "ulimit -v")]
    [InlineData("ulimit -d 60000000", "ulimit -d")]
    public void A_limit_of_the_process_is_named(string limit, string named)
    {
        var (status, output, error) = Shell($"{limit}; exec dotnet \"$0\" run --guest selftest --memory 64G");
        Assert.Equal((125, ""), (status, output));
        Assert.Contains(named, error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd().Split('\n'));
        (_, output, _) = Shell($"{limit}; exec dotnet \"$0\" doctor");
        Assert.Contains($"'{named}' allows", output, StringComparison.Ordinal);
    }

    /// <summary>
    /// Where the host gives no descriptors, what fails first is the runtime's loading of an assembly, at any place and on any thread. With
    /// some 50 it can be a thread of the runtime's own, for want of which it ends the process itself: nothing of ours is asked.
    /// </summary>
    [Fact]
    public void Out_of_descriptors_is_one_sentence_wherever_it_happens()
    {
        var failed = 0;
        foreach (var descriptors in (int[])[36, 40, 44])
        {
            var (status, _, error) = Shell($"ulimit -n {descriptors}; exec dotnet \"$0\" run --guest selftest --cpus 2");
            Assert.True(status is 0 or 125, $"{descriptors}: {status} {error}");
            Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
            if (status != 0)
                Assert.StartsWith("warren: ", Assert.Single(error.TrimEnd().Split('\n')), StringComparison.Ordinal);
            failed += status == 0 ? 0 : 1;
        }
        Assert.InRange(failed, 1, 3);
    }

    private static (int Status, string Output, string Error) Shell(string script) =>
        WarrenProcess.Finish(new ProcessStartInfo("sh", ["-c", script, Path.Combine(AppContext.BaseDirectory, "Warren.Cli.dll")])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        });
}
