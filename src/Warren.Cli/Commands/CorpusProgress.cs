namespace Warren.Cli.Commands;

/// <summary>How far the corpus is.</summary>
internal sealed class CorpusProgress(int count) : IDisposable
{
    private readonly ProgressLine _line = new();
    private int _done;

    public void Done(string name) => _line.Report($"{System.Threading.Interlocked.Increment(ref _done)} of {count} variants; {name} done");

    public void Control(string scenario) => _line.Report($"{count} of {count} variants; {scenario} on the code as it is");

    public void Dispose() => _line.Dispose();
}
