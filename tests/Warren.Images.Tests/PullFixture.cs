using System.Threading;
using Warren.Images.Archive;
using Warren.Images.Transfer;

namespace Warren.Images.Tests;

/// <summary>A mirror with a small archive, an empty cache, and stores over them.</summary>
internal sealed class PullFixture : IDisposable
{
    public TestMirror Mirror { get; }

    public TemporaryDirectory Directory { get; } = new();

    public string Cache => Directory.File("cache");

    public string Content => Path.Combine(Cache, "content");

    public string Partial => Path.Combine(Cache, "partial");

    public TestArchive Archive => Mirror.Archive;

    public PullFixture(TestArchive? archive = null) => Mirror = new TestMirror(archive ?? TestArchive.Create());

    public ImageStoreOptions Options(IReleaseVerifier? verifier = null) => new()
    {
        Directory = Cache,
        Mirror = new MirrorOptions { Mirror = Mirror.Url, AptDirectory = Directory.File("no-apt"), Environment = _ => null },
        Verifier = verifier ?? new TrustingVerifier(),
        Environment = name => name == "PATH" ? Environment.GetEnvironmentVariable(name) : null,
        Transfer = new TransferOptions(3, TimeSpan.FromMilliseconds(1), TimeSpan.FromSeconds(20)),
    };

    public ImageStore Store() => new(Options());

    public void AssertGuest(GuestImage guest)
    {
        Assert.Equal(Archive.Kernel, File.ReadAllBytes(guest.Kernel));
        Assert.Equal(Archive.Busybox, File.ReadAllBytes(guest.Busybox));
        Assert.Equal(TestArchive.Release, guest.Version);
    }

    /// <summary>Everything in the cache but the lock and the manifest.</summary>
    public IEnumerable<string> Files() => System.IO.Directory.Exists(Cache)
        ? System.IO.Directory.GetFiles(Cache, "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(Cache, f))
        .Where(f => f is not ("lock" or "manifest.json"))
        : [];

    public void Dispose()
    {
        Mirror.Dispose();
        Directory.Dispose();
    }
}

/// <summary>Collects progress on the caller's thread, in order.</summary>
internal sealed class ProgressLog : IProgress<PullProgress>
{
    private readonly Lock _lock = new();
    private readonly List<PullProgress> _items = [];

    public IReadOnlyList<PullProgress> Items
    {
        get
        {
            lock (_lock)
                return [.. _items];
        }
    }

    public void Report(PullProgress value)
    {
        lock (_lock)
            _items.Add(value);
    }
}
