using System.Threading;
using Warren.Images.Archive;
using Warren.Images.Cache;
using Warren.Images.Initramfs;

namespace Warren.Images;

/// <summary>
/// The cache of guest kernels and user land, and the way they get into it: from a Debian mirror, with the archive's signature and every SHA-256
/// checked, without root and without touching the host's own package state. Any number of processes may use one cache.
/// </summary>
/// <remarks>
/// Every use of a kernel or busybox checks its SHA-256 (tens of milliseconds for the kernel's 31 MB), so that whatever happened to the file
/// is noticed whether or not its size or time tell.
/// </remarks>
public sealed class ImageStore
{
    private readonly ImageStoreOptions _options;
    private readonly CacheDirectory _cache;
    private readonly IReleaseVerifier _verifier;

    /// <exception cref="ImageException">There is no place for the cache.</exception>
    public ImageStore(ImageStoreOptions options)
    {
        _options = options;
        string root = options.Directory ?? CacheDirectory.DefaultRoot(options.Environment);
        _cache = new CacheDirectory(Path.GetFullPath(root), options.WrapOutput);
        string? keyring = options.Keyring ?? options.Environment("WARREN_KEYRING");
        _verifier = options.Verifier ?? new HostVerifier(string.IsNullOrEmpty(keyring) ? null : keyring, options.Environment("PATH"));
    }

    /// <summary>The cache's directory, absolute; it need not exist yet.</summary>
    public string Directory => _cache.Root;

    /// <summary>
    /// Brings the cache to what the mirror has now. When another process is pulling, waits for it and uses its result. Cancelling leaves
    /// nothing but what the next pull resumes.
    /// </summary>
    /// <exception cref="ImageException">No mirror, a bad answer of it, a bad signature, a full disk, an unwritable cache.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public async Task<PullResult> PullAsync(IProgress<PullProgress>? progress = null, CancellationToken cancellation = default)
    {
        using CacheLock held = await LockAsync(progress, cancellation).ConfigureAwait(false);
        return await PullLockedAsync(progress, cancellation).ConfigureAwait(false);
    }

    /// <summary>The files to start a guest from: those of the newest pull if they are as recorded, else freshly pulled ones.</summary>
    /// <param name="offline">Do not use the network: what is there must do, an older pull's files if need be.</param>
    /// <exception cref="ImageException">As <see cref="PullAsync"/>; offline, nothing usable is in the cache.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public async Task<GuestImage> GetGuestAsync(
        bool offline = false, IProgress<PullProgress>? progress = null, CancellationToken cancellation = default)
    {
        Manifest manifest = Manifest.Load(_cache.Manifest);
        foreach (ImagePull pull in manifest.Pulls.Reverse().Take(offline ? int.MaxValue : 1))
        {
            if (await FindGuestAsync(pull).ConfigureAwait(false) is { } ready)
                return ready;
        }
        if (offline)
        {
            string state = manifest.Newest == null ? "is not in" : "is damaged in";
            throw new ImageException(ImageError.Offline,
                $"the guest kernel {state} the cache {_cache.Root}; run `warren image pull` with a network, or `warren run --guest selftest`, which needs neither network nor cache");
        }
        using CacheLock held = await LockAsync(progress, cancellation).ConfigureAwait(false);
        if (Manifest.Load(_cache.Manifest).Newest is { } newest && await FindGuestAsync(newest).ConfigureAwait(false) is { } meanwhile)
            return meanwhile;
        try
        {
            return (await PullLockedAsync(progress, cancellation).ConfigureAwait(false)).Guest;
        }
        catch (ImageException e) when (e.Error is ImageError.Network or ImageError.Configuration or ImageError.NotFound)
        {
            throw new ImageException(e.Error,
                $"{e.Message}; until `warren image pull` succeeds, `warren run --guest selftest` needs neither network nor cache", e);
        }
    }

    /// <summary>Every entry of the cache, newest pull first, without reading the files.</summary>
    public IReadOnlyList<ImageStatus> List() =>
        [.. Entries(e => File.Exists(_cache.ContentFile(e.File)) ? ImageHealth.Unchecked : ImageHealth.Missing)];

    /// <summary>Every entry of the cache, newest pull first, each compared with its recorded SHA-256.</summary>
    public Task<IReadOnlyList<ImageStatus>> VerifyAsync(CancellationToken cancellation = default) => Task.Run<IReadOnlyList<ImageStatus>>(() =>
    {
        return
        [
            .. Entries(e =>
            {
                cancellation.ThrowIfCancellationRequested();
                string path = _cache.ContentFile(e.File);
                if (!File.Exists(path))
                    return ImageHealth.Missing;
                return CacheDirectory.Matches(path, e.Size, e.Sha256) ? ImageHealth.Good : ImageHealth.Altered;
            }),
        ];
    }, cancellation);

    /// <summary>
    /// Removes what the newest pull does not need: older pulls, partial downloads, orphaned temporary files, and every initramfs but the one
    /// used last (each is rebuilt in milliseconds).
    /// </summary>
    /// <exception cref="ImageException">The cache cannot be written.</exception>
    public async Task<PruneResult> PruneAsync(IProgress<PullProgress>? progress = null, CancellationToken cancellation = default)
    {
        if (!System.IO.Directory.Exists(_cache.Root))
            return new PruneResult([], 0);
        using CacheLock held = await LockAsync(progress, cancellation).ConfigureAwait(false);
        return new Pruner(_cache).Run(cancellation);
    }

    /// <summary>
    /// The initramfs of a guest as a file in the cache, made on first use. It is built anew each time and compared, which takes milliseconds, so that an
    /// altered one is replaced; its name is its digest.
    /// </summary>
    /// <param name="init">The guest's /init, a static RISC-V executable.</param>
    /// <returns>Path of an uncompressed newc archive.</returns>
    /// <exception cref="ImageException">The cache cannot be written, or busybox cannot be read.</exception>
    public string GetInitramfs(GuestImage guest, ReadOnlyMemory<byte> init)
    {
        byte[] busybox;
        try
        {
            busybox = File.ReadAllBytes(guest.Busybox);
        }
        catch (Exception e) when (CacheErrors.IsFileSystemError(e))
        {
            throw new ImageException(ImageError.Corrupt, $"the cached {guest.Busybox} cannot be read; run `warren image pull`", e);
        }
        return new InitramfsCache(_cache).Get(InitramfsBuilder.ForGuest(init, busybox).Build());
    }

    private async Task<PullResult> PullLockedAsync(IProgress<PullProgress>? progress, CancellationToken cancellation)
    {
        Puller puller = new(_cache, _options, _verifier, progress);
        try
        {
            (ImagePull pull, bool changed, long received) = await puller.RunAsync(cancellation).ConfigureAwait(false);
            return new PullResult(ToGuest(pull)!, pull, changed, received);
        }
        catch (Exception e) when (CacheErrors.IsFileSystemError(e))
        {
            throw CacheErrors.Translate(e, _cache.Root);
        }
    }

    private async Task<CacheLock> LockAsync(IProgress<PullProgress>? progress, CancellationToken cancellation)
    {
        _cache.Create();
        return await CacheLock.AcquireAsync(
            _cache.LockFile,
            () => progress?.Report(new PullProgress("waiting for another warren to finish with the cache", 0, 0)),
            cancellation).ConfigureAwait(false);
    }

    // Null unless both files that a guest runs on are exactly as recorded.
    private async Task<GuestImage?> FindGuestAsync(ImagePull pull)
    {
        if (pull.Suite != _options.Suite || ToGuest(pull) is not { } guest)
            return null;
        Task<bool>[] checks =
        [
            .. new[] { pull.Find(ImageKind.Kernel)!, pull.Find(ImageKind.Busybox)! }
                .Select(e => Task.Run(() => CacheDirectory.Matches(_cache.ContentFile(e.File), e.Size, e.Sha256))),
        ];
        bool[] good = await Task.WhenAll(checks).ConfigureAwait(false);
        return good.All(g => g) ? guest : null;
    }

    private GuestImage? ToGuest(ImagePull pull)
    {
        if (pull.Find(ImageKind.Kernel) is not { } kernel || pull.Find(ImageKind.Busybox) is not { } busybox)
            return null;
        return new GuestImage(
            _cache.ContentFile(kernel.File), _cache.ContentFile(busybox.File), GuestPackages.KernelRelease(kernel.Package), busybox.Version);
    }

    private IEnumerable<ImageStatus> Entries(Func<ImageEntry, ImageHealth> check)
    {
        Manifest manifest = Manifest.Load(_cache.Manifest);
        HashSet<string> seen = new(StringComparer.Ordinal);
        foreach (ImagePull pull in manifest.Pulls.Reverse())
        {
            foreach (ImageEntry entry in pull.Entries)
            {
                if (seen.Add(entry.File))
                    yield return new ImageStatus(entry, _cache.ContentFile(entry.File), ReferenceEquals(pull, manifest.Newest), check(entry));
            }
        }
    }
}
