using System.Threading;
using Warren.Images.Archive;
using Warren.Images.Cache;
using Warren.Images.Initramfs;

namespace Warren.Images;

/// <summary>
/// The cache of guest kernels and user land, and the way they get into it: from a Debian mirror, with the archive's signature and every
/// SHA-256 checked, without root and without touching the host's own package state. Any number of processes may use one cache.
/// </summary>
/// <remarks>
/// Every use of a kernel or busybox checks its SHA-256 (tens of milliseconds for the kernel's 31 MB), so that whatever happened to the file
/// is noticed whether or not its size or time tell.
/// </remarks>
public sealed class ImageStore
{
    private const string PullRemedy = "`warren image pull` makes it anew";
    private const string OfflineRemedy =
        "run `warren image pull` with a network, or `warren run --guest selftest`, which needs neither network nor cache";

    private readonly ImageStoreOptions _options;
    private readonly CacheDirectory _cache;
    private readonly IReleaseVerifier _verifier;

    /// <exception cref="ImageException">There is no place for the cache.</exception>
    public ImageStore(ImageStoreOptions options)
    {
        _options = options;
        var root = options.Directory ?? CacheDirectory.DefaultRoot(options.Environment);
        _cache = new CacheDirectory(Path.GetFullPath(root), options.WrapOutput);
        var keyring = options.Keyring ?? options.Environment("WARREN_KEYRING");
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
        using var held = await LockAsync(progress, cancellation).ConfigureAwait(false);
        return await PullLockedAsync(progress, cancellation).ConfigureAwait(false);
    }

    /// <summary>The files to start a guest from: those of the newest pull if they are as recorded, else freshly pulled ones.</summary>
    /// <param name="offline">Do not use the network: what is there must do, an older pull's files if need be.</param>
    /// <exception cref="ImageException">As <see cref="PullAsync"/>; offline, nothing usable is in the cache.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public async Task<GuestImage> GetGuestAsync(
        bool offline = false, IProgress<PullProgress>? progress = null, CancellationToken cancellation = default)
    {
        try
        {
            var manifest = Manifest.Load(_cache);
            foreach (var pull in manifest.Pulls.Reverse().Take(offline ? int.MaxValue : 1))
            {
                if (await FindGuestAsync(pull).ConfigureAwait(false) is { } ready)
                    return ready;
            }
            if (offline)
                throw new ImageException(ImageError.Offline, $"{WhatIsAmiss(manifest)}; {OfflineRemedy}");
        }
        catch (ImageException e) when (e.Error == ImageError.Corrupt)
        {
            if (offline)
                throw new ImageException(ImageError.Offline, $"{e.Message}; {OfflineRemedy}", e);
        }
        using var held = await LockAsync(progress, cancellation).ConfigureAwait(false);
        if (Manifest.LoadOrEmpty(_cache, null).Newest is { } newest && await FindGuestAsync(newest).ConfigureAwait(false) is { } meanwhile)
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
    /// <exception cref="ImageException">The table of contents is damaged, or of a newer version of Warren.</exception>
    public IReadOnlyList<ImageStatus> List() =>
    [
        .. Entries().Select(e =>
        {
            var path = _cache.ContentFile(e.Entry.File);
            return new ImageStatus(e.Entry, path, e.Current, File.Exists(path) ? ImageHealth.Unchecked : ImageHealth.Missing);
        }),
    ];

    /// <summary>Every entry of the cache, newest pull first, each compared with its recorded SHA-256.</summary>
    /// <exception cref="ImageException">As for <see cref="List"/>.</exception>
    public Task<IReadOnlyList<ImageStatus>> VerifyAsync(CancellationToken cancellation = default) =>
        Task.Run<IReadOnlyList<ImageStatus>>(() =>
    [
        .. Entries().Select(e =>
        {
            cancellation.ThrowIfCancellationRequested();
            return _cache.Check(e.Entry, e.Current);
        }),
    ], cancellation);

    /// <summary>
    /// Removes what the newest pull does not need: older pulls, partial downloads, orphaned temporary files, and every initramfs but the
    /// one used last (each is rebuilt in milliseconds).
    /// </summary>
    /// <exception cref="ImageException">The cache cannot be written, or its table of contents, which says what is needed, not read: nothing
    /// is removed.</exception>
    public async Task<PruneResult> PruneAsync(IProgress<PullProgress>? progress = null, CancellationToken cancellation = default)
    {
        if (!Path.Exists(_cache.Root))
            return new PruneResult([], 0);
        using var held = await LockAsync(progress, cancellation).ConfigureAwait(false);
        try
        {
            return new Pruner(_cache).Run(cancellation);
        }
        catch (ImageException e) when (e.Error == ImageError.Corrupt)
        {
            throw new ImageException(e.Error, $"{e.Message}; {PullRemedy}", e);
        }
    }

    /// <summary>
    /// The initramfs of a guest as a file in the cache, made on first use. It is built anew each time and compared, which takes
    /// milliseconds, so that an altered one is replaced; its name is its digest.
    /// </summary>
    /// <param name="init">The guest's /init, a static RISC-V executable.</param>
    /// <param name="progress">Told when one was damaged.</param>
    /// <returns>Path of an uncompressed newc archive.</returns>
    /// <exception cref="ImageException">The cache cannot be written, or busybox cannot be read.</exception>
    public string GetInitramfs(GuestImage guest, ReadOnlyMemory<byte> init, IProgress<PullProgress>? progress = null)
    {
        byte[] busybox;
        try
        {
            if (new FileInfo(guest.Busybox).Length == 0)
            {
                throw new ImageException(ImageError.Corrupt,
                    $"the cached {guest.Busybox} is empty, or no ordinary file; run `warren image pull`");
            }
            busybox = File.ReadAllBytes(guest.Busybox);
        }
        catch (Exception e) when (CacheErrors.IsFileSystemError(e))
        {
            throw new ImageException(ImageError.Corrupt, $"the cached {guest.Busybox} cannot be read; run `warren image pull`", e);
        }
        return new InitramfsCache(_cache).Get(InitramfsBuilder.ForGuest(init, busybox).Build(), progress);
    }

    private async Task<PullResult> PullLockedAsync(IProgress<PullProgress>? progress, CancellationToken cancellation)
    {
        Puller puller = new(_cache, _options, _verifier, progress);
        try
        {
            (var pull, var changed, var received) = await puller.RunAsync(cancellation).ConfigureAwait(false);
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
        var good = await Task.WhenAll(checks).ConfigureAwait(false);
        return good.All(g => g) ? guest : null;
    }

    private GuestImage? ToGuest(ImagePull pull)
    {
        if (pull.Find(ImageKind.Kernel) is not { } kernel || pull.Find(ImageKind.Busybox) is not { } busybox)
            return null;
        return new GuestImage(
            _cache.ContentFile(kernel.File), _cache.ContentFile(busybox.File), GuestPackages.KernelRelease(kernel.Package),
            busybox.Version);
    }

    // What keeps the newest pull from being used, named file by file.
    private string WhatIsAmiss(Manifest manifest)
    {
        if (manifest.Newest is not { } newest)
            return $"the guest kernel is not in the cache {_cache.Root}";
        List<ImageStatus> bad =
            [.. newest.Entries.Where(e => e.Kind is ImageKind.Kernel or ImageKind.Busybox).Select(e => _cache.Check(e, current: true))
                .Where(s => s.IsBad)];
        return bad switch
        {
            [] => $"the cache {_cache.Root} holds {newest.Suite}, and no {_options.Suite}",
            [var one] => one.Sentence,
            [var one, var other, ..] => $"{one.Sentence}, and {other.Sentence}",
        };
    }

    private List<(ImageEntry Entry, bool Current)> Entries()
    {
        Manifest manifest;
        try
        {
            manifest = Manifest.Load(_cache);
        }
        catch (ImageException e) when (e.Error == ImageError.Corrupt)
        {
            throw new ImageException(e.Error, $"{e.Message}; {PullRemedy}", e);
        }
        IEnumerable<(ImageEntry Entry, bool Current)> pulled =
            manifest.Pulls.Reverse().SelectMany(pull => pull.Entries.Select(e => (e, ReferenceEquals(pull, manifest.Newest))))
            .DistinctBy(e => e.e.File);
        return [.. pulled, .. new InitramfsCache(_cache).List().Select((e, i) => (e, i == 0))];
    }
}
