namespace Warren.Cli.Commands;

/// <summary>How far long work is, on one line of stderr that is redrawn in place; nothing when stderr is no terminal.</summary>
internal sealed class ProgressLine : IProgress<string>, IDisposable
{
    private readonly System.Threading.Lock _lock = new();
    private readonly bool _live = !Console.IsErrorRedirected;
    private bool _ended;

    public void Report(string value)
    {
        lock (_lock)
        {
            if (!_live || _ended)
                return;
            var width = Math.Max(20, Console.WindowWidth - 1);
            Console.Error.Write($"\r\x1b[K{(value.Length > width ? value[..width] : value)}");
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            if (_live && !_ended)
                Console.Error.Write("\r\x1b[K");
            _ended = true;
        }
    }
}
