using System.Diagnostics;
using System.Text.Json;
using System.Threading;

namespace Warren.Lab.Mutation;

/// <summary>
/// Tries mutants in another process, which a mutant may end, or keep from ever answering. It is a new one after each mutant that leaves it
/// in doubt, and now and then.
/// </summary>
/// <param name="start">Makes the process: one that calls <see cref="Serve"/>.</param>
/// <param name="grace">CPU time that the process may take beyond its own limit before it is ended; 30 s when null.</param>
internal sealed class ProcessWorker(Func<ProcessStartInfo> start, TimeSpan? grace = null) : IMutantWorker
{
    /// <summary>Mutants after which the process is replaced in any case.</summary>
    private const int Life = 100;

    private readonly TimeSpan _grace = grace ?? TimeSpan.FromSeconds(30);

    private const int LookEveryMilliseconds = 200;

    private Process? _process;

    /// <summary>CPU time of the process when it was asked last.</summary>
    private TimeSpan _before;
    private int _tried;

    public TrialAnswer Try(TrialRequest request, CancellationToken cancellation)
    {
        _process ??= Start();
        var clock = Stopwatch.StartNew();
        var answer = Ask(_process, request, cancellation, out var timedOut);
        // A process that ended with us says nothing of the mutant.
        cancellation.ThrowIfCancellationRequested();
        if (answer is null || answer.Tainted || ++_tried >= Life)
            End();
        return answer ?? new(timedOut ? MutantOutcome.TimedOut : MutantOutcome.Crashed, null, null, timedOut ? "the process did not answer"
            : "the process ended", 0, clock.Elapsed.TotalSeconds, [], true);
    }

    /// <summary>The other side: answers until its input ends.</summary>
    internal static void Serve(MutantBuild build, TextReader input, TextWriter output)
    {
        using var worker = new LocalWorker(build);
        while (input.ReadLine() is { } line)
        {
            var answer = worker.Try(JsonSerializer.Deserialize(line, MutationSerializer.Default.TrialRequest)!, CancellationToken.None);
            output.WriteLine(JsonSerializer.Serialize(answer, MutationSerializer.Default.TrialAnswer));
            output.Flush();
        }
    }

    public void Dispose() => End();

    private Process Start()
    {
        var info = start();
        (info.RedirectStandardInput, info.RedirectStandardOutput, info.RedirectStandardError) = (true, true, true);
        var process = Process.Start(info) ?? throw new VariantException("A process to try mutants in could not be started.");
        // What a dying process has to say is nobody's concern, and must not fill the pipe.
        process.ErrorDataReceived += static (_, _) => { };
        process.BeginErrorReadLine();
        _tried = 0;
        return process;
    }

    private TrialAnswer? Ask(Process process, TrialRequest request, CancellationToken cancellation, out bool timedOut)
    {
        timedOut = false;
        try
        {
            process.Refresh();
            _before = process.TotalProcessorTime;
            process.StandardInput.WriteLine(JsonSerializer.Serialize(request, MutationSerializer.Default.TrialRequest));
            process.StandardInput.Flush();
            var line = process.StandardOutput.ReadLineAsync(CancellationToken.None).AsTask();
            // Two turns, each of which may take as long.
            if (!Answers(process, line, (2 * TimeSpan.FromSeconds(request.Limit)) + _grace, cancellation))
            {
                timedOut = true;
                return null;
            }

            return line.Result is { } text ? JsonSerializer.Deserialize(text, MutationSerializer.Default.TrialAnswer) : null;
        }
        catch (Exception e) when (e is IOException or AggregateException or JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>Waits for the answer for as long as the process works, up to so much CPU time, and is not idle for long.</summary>
    private bool Answers(Process process, Task line, TimeSpan limit, CancellationToken cancellation)
    {
        var spent = TimeSpan.Zero;
        var idle = Stopwatch.StartNew();
        while (!line.Wait(LookEveryMilliseconds, cancellation))
        {
            process.Refresh();
            if (process.HasExited)
                return line.Wait((int)_grace.TotalMilliseconds, cancellation);
            var now = process.TotalProcessorTime;
            if (now > spent)
                idle.Restart();
            spent = now;
            if (now - _before > limit || idle.Elapsed > 4 * _grace)
                return false;
        }

        return true;
    }

    private void End()
    {
        if (_process is not { } process)
            return;
        _process = null;
        try
        {
            process.Kill();
        }
        catch (InvalidOperationException)
        {
            // It has ended.
        }

        process.WaitForExit();
        process.Dispose();
    }
}
