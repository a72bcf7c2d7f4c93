using System.Net.Sockets;
using System.Security.Cryptography;

namespace Warren.Images.Tests;

/// <summary>The whole way against the mirror of the host's own apt: skipped only where there is none or it does not answer.</summary>
public sealed class RealMirrorTests
{
    [SkippableFact]
    public async Task Pulls_the_kernel_and_busybox_of_Debian_trixie()
    {
        Mirror mirror = RequireReachableMirror();
        using TemporaryDirectory cache = new();
        ImageStore store = new(new ImageStoreOptions { Directory = cache.Path, Mirror = new MirrorOptions { Mirror = mirror.Root.ToString() } });

        PullResult first = await store.PullAsync();

        Assert.True(first.Changed);
        Assert.StartsWith("6.12.", first.Guest.Version, StringComparison.Ordinal);
        Assert.EndsWith("-riscv64", first.Guest.Version, StringComparison.Ordinal);
        Assert.True(new FileInfo(first.Guest.Kernel).Length > 20_000_000);
        Assert.Equal("RSC\x05"u8.ToArray(), File.ReadAllBytes(first.Guest.Kernel)[56..60]);
        Assert.Equal(3, store.List().Count);
        Assert.All(await store.VerifyAsync(), s => Assert.Equal(ImageHealth.Good, s.Health));
        Assert.Empty(Directory.GetFiles(Path.Combine(cache.Path, "partial")));

        PullResult second = await store.PullAsync();
        Assert.False(second.Changed);
        Assert.True(second.Received < 1_000_000);

        GuestImage offline = await store.GetGuestAsync(offline: true);
        Assert.Equal(first.Guest, offline);
        byte[] init = RandomNumberGenerator.GetBytes(4096);
        Assert.Equal(store.GetInitramfs(offline, init), store.GetInitramfs(offline, init));
    }

    private static Mirror RequireReachableMirror()
    {
        Mirror mirror;
        try
        {
            mirror = MirrorLocator.Locate(new MirrorOptions());
        }
        catch (ImageException e)
        {
            throw new SkipException(e.Message);
        }
        try
        {
            using HttpClient http = new() { Timeout = TimeSpan.FromSeconds(10) };
            using HttpRequestMessage head = new(HttpMethod.Head, new Uri(mirror.Root, "dists/trixie/InRelease"));
            using HttpResponseMessage response = http.Send(head);
            Skip.IfNot(response.IsSuccessStatusCode, $"the host's mirror answers {response.StatusCode}");
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException or SocketException)
        {
            throw new SkipException($"the host's mirror is not reachable: {e.Message}");
        }
        return mirror;
    }
}
