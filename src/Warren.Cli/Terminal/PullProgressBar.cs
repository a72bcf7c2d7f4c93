using Spectre.Console;
using Warren.Images;

namespace Warren.Cli.Terminal;

/// <summary>
/// Shows a pull on stderr: a bar that is redrawn in place on a terminal, one line a step elsewhere. Silent as long as nothing is reported.
/// </summary>
internal sealed class PullProgressBar : IProgress<PullProgress>, IDisposable
{
    private const int BarWidth = 28;
    private static readonly TimeSpan RedrawEvery = TimeSpan.FromMilliseconds(80);

    private readonly System.Threading.Lock _lock = new();
    private readonly bool _live = !Console.IsErrorRedirected;
    private readonly IAnsiConsole _console = Consoles.Error();
    private string _what = "";
    private long _drawnAt;
    private bool _lineOpen;

    public void Report(PullProgress value)
    {
        lock (_lock)
        {
            var fresh = value.What != _what;
            var complete = value.Total > 0 && value.Bytes >= value.Total;
            if (!_live)
            {
                if (fresh) Console.Error.WriteLine($"warren: {value.What}");
                _what = value.What;
                return;
            }
            if (!fresh && !complete && System.Diagnostics.Stopwatch.GetElapsedTime(_drawnAt) < RedrawEvery) return;
            if (fresh) CloseLine();
            _what = value.What;
            _drawnAt = System.Diagnostics.Stopwatch.GetTimestamp();
            Console.Error.Write("\r\x1b[K");
            _console.Markup(Render(value));
            _lineOpen = true;
        }
    }

    public void Dispose()
    {
        lock (_lock) CloseLine();
    }

    private static string Render(PullProgress p)
    {
        var what = Markup.Escape(p.What);
        if (p.Total <= 0) return p.Bytes > 0 ? $"{what} [grey]{p.Bytes / 1e6:0.0} MB[/]" : what;
        var fraction = Math.Clamp((double)p.Bytes / p.Total, 0, 1);
        var full = (int)(fraction * BarWidth);
        return $"[green]{new string('━', full)}[/][grey]{new string('━', BarWidth - full)}[/] {fraction,4:P0} [grey]{p.Bytes / 1e6:0.0} "
            + $"of {p.Total / 1e6:0.0} MB[/] {what}";
    }

    private void CloseLine()
    {
        if (_lineOpen) Console.Error.WriteLine();
        _lineOpen = false;
    }
}
