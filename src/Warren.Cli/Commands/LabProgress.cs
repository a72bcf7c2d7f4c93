using System.Diagnostics;
using System.Globalization;
using System.Threading;
using Warren.Lab;

namespace Warren.Cli.Commands;

/// <summary>The explorer's state, on one line of stderr that is redrawn in place; nothing when stderr is no terminal.</summary>
internal sealed class LabProgress : IProgress<ExplorationResult>, IDisposable
{
    private const int RedrawMilliseconds = 200;

    private readonly System.Threading.Lock _lock = new();
    private readonly bool _live = !Console.IsErrorRedirected;
    private readonly string _what;
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly Timer? _timer;
    private ExplorationResult? _last;
    private bool _drawn;
    private bool _ended;

    /// <param name="what">Put in front: what is being explored.</param>
    public LabProgress(string what)
    {
        _what = what;
        if (_live)
            _timer = new Timer(_ => Draw(), null, RedrawMilliseconds, RedrawMilliseconds);
    }

    /// <summary>The latest report, for when the explorer cannot be made to return.</summary>
    public ExplorationResult? Last
    {
        get
        {
            lock (_lock)
                return _last;
        }
    }

    public void Report(ExplorationResult value)
    {
        lock (_lock)
            _last = value;
    }

    /// <summary>Clears the line.</summary>
    public void Dispose()
    {
        _timer?.Dispose();
        lock (_lock)
        {
            _ended = true;
            if (_drawn)
                Console.Error.Write("\r\x1b[K");
        }
    }

    private void Draw()
    {
        lock (_lock)
        {
            if (_ended)
                return;
            var line = Line(_what, _last, Stopwatch.GetElapsedTime(_start));
            var width = Math.Max(20, Console.WindowWidth - 1);
            Console.Error.Write($"\r\x1b[K{(line.Length > width ? line[..width] : line)}");
            _drawn = true;
        }
    }

    internal static string Line(string what, ExplorationResult? last, TimeSpan elapsed)
    {
        var seconds = elapsed.TotalSeconds;
        if (last is null)
            return string.Create(CultureInfo.InvariantCulture, $"{what}: {seconds:0} s");
        var rate = last.Elapsed.TotalSeconds > 0 ? last.Schedules / last.Elapsed.TotalSeconds : 0;
        var bound = last.CompletedBound >= 0 ? $", complete for bound {last.CompletedBound}" : "";
        return string.Create(CultureInfo.InvariantCulture, $"{what}: {last.Schedules:#,0} schedules, {rate:#,0}/s{bound}, {seconds:0} s");
    }
}
