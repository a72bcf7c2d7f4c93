using Warren.Images;
using Warren.Images.Guests;

namespace Warren.Tests.Boot;

/// <summary>
/// Debian's kernel and Warren's initramfs from the image cache, pulled when they are not there. Without a mirror the tests are skipped,
/// visibly.
/// </summary>
public sealed class GuestImageFixture : IAsyncLifetime
{
    private string? _missing;
    private string _kernel = "";
    private string _initrd = "";

    public async Task InitializeAsync()
    {
        try
        {
            var store = new ImageStore(new ImageStoreOptions());
            var guest = await store.GetGuestAsync();
            _kernel = guest.Kernel;
            _initrd = store.GetInitramfs(guest, EmbeddedGuests.Init.ToArray());
        }
        catch (ImageException e) when (e.Error is ImageError.Network or ImageError.Configuration)
        {
            _missing = e.Message;
        }
    }

    public Task DisposeAsync() => Task.CompletedTask;

    /// <summary>Options of a VM that boots it.</summary>
    public MicroVmOptions Options(int cpus = 1)
    {
        Skip.If(_missing is not null, _missing);
        return new MicroVmOptions
        { KernelPath = _kernel, InitrdPath = _initrd, Cpus = cpus, MemoryBytes = 256L << 20, Timeout = TimeSpan.FromMinutes(10) };
    }
}

[CollectionDefinition(nameof(GuestImages))]
public sealed class GuestImages : ICollectionFixture<GuestImageFixture>;
