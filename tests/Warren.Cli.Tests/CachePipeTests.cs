namespace Warren.Cli.Tests;

/// <summary>A cache in which something waits to be read from: one sentence, and no waiting.</summary>
public class CachePipeTests
{
    [Theory]
    [InlineData("run --offline -- true")]
    [InlineData("image list")]
    [InlineData("image verify")]
    public async Task A_pipe_in_place_of_the_manifest_is_not_waited_for(string arguments)
    {
        using var run = new Streams.Redirection();
        var script = "mkdir -p c/warren; mkfifo c/warren/manifest.json; export XDG_CACHE_HOME=$PWD/c; (W) </dev/null >out 2>err";
        Assert.Equal(125, await run.RunAsync(script, arguments.Split(' ')));
        Assert.Single(run.Read("err").TrimEnd().Split('\n'));
        Assert.Contains("manifest.json", run.Read("err"), StringComparison.Ordinal);
    }
}
