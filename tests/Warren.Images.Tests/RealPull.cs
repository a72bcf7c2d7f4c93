using System.Threading;

namespace Warren.Images.Tests;

/// <summary>
/// One real pull from the mirror of the host's own apt, shared by the tests that need it; they are skipped where no mirror answers.
/// </summary>
public sealed class RealPull : IDisposable
{
    private readonly TemporaryDirectory _cache = new();
    private readonly Lazy<Task<(ImageStore Store, PullResult Result)>> _pull;

    public RealPull() => _pull = new(PullAsync, LazyThreadSafetyMode.ExecutionAndPublication);

    public string Cache => _cache.Path;

    public Task<(ImageStore Store, PullResult Result)> GetAsync() => _pull.Value;

    private async Task<(ImageStore Store, PullResult Result)> PullAsync()
    {
        var mirror = await FindMirrorAsync();
        ImageStore store = new(new ImageStoreOptions { Directory = Cache, Mirror = new MirrorOptions { Mirror = mirror.Root.ToString() } });
        return (store, await store.PullAsync());
    }

    internal static async Task<Mirror> FindMirrorAsync()
    {
        try
        {
            var mirror = MirrorLocator.Locate(new MirrorOptions());
            using HttpClient http = new() { Timeout = TimeSpan.FromSeconds(10) };
            using HttpRequestMessage head = new(HttpMethod.Head, new Uri(mirror.Root, "dists/trixie/InRelease"));
            using var response = await http.SendAsync(head);
            Skip.IfNot(response.IsSuccessStatusCode, $"the host's mirror answers {response.StatusCode}");
            return mirror;
        }
        catch (Exception e) when (e is ImageException or HttpRequestException or TaskCanceledException)
        {
            throw new SkipException($"the host's mirror is not reachable: {e.Message}");
        }
    }

    public void Dispose() => _cache.Dispose();
}
