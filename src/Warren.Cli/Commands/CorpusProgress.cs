namespace Warren.Cli.Commands;

/// <summary>How far the corpus is, on one line of stderr that is redrawn in place; nothing when stderr is no terminal.</summary>
internal sealed class CorpusProgress(int count) : IDisposable
{
    private readonly System.Threading.Lock _lock = new();
    private readonly bool _live = !Console.IsErrorRedirected;
    private int _done;
    private bool _ended;

    public void Done(string name) => Draw($"{++_done} of {count} variants; {name} done");

    public void Control(string scenario) => Draw($"{count} of {count} variants; {scenario} on the code as it is");

    public void Dispose()
    {
        lock (_lock)
        {
            if (_live && !_ended)
                Console.Error.Write("\r\x1b[K");
            _ended = true;
        }
    }

    private void Draw(string line)
    {
        lock (_lock)
        {
            if (!_live || _ended)
                return;
            var width = Math.Max(20, Console.WindowWidth - 1);
            Console.Error.Write($"\r\x1b[K{(line.Length > width ? line[..width] : line)}");
        }
    }
}
