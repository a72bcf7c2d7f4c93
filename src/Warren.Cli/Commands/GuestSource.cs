using System.Threading;
using Warren.Cli.Terminal;
using Warren.Images.Guests;
using Warren.Machines;
using Warren.Machines.Boot;

namespace Warren.Cli.Commands;

/// <summary>The files a guest boots from, found or fetched; a temporary one is deleted on disposal.</summary>
internal sealed class GuestSource : IDisposable
{
    private readonly string? _temporary;

    private GuestSource(string kernel, string? initrd, bool isLinux, bool hasOurUserLand = false, string? temporary = null) =>
        (Kernel, Initrd, IsLinux, HasOurUserLand, _temporary) = (kernel, initrd, isLinux, hasOurUserLand, temporary);

    public string Kernel { get; }

    public string? Initrd { get; }

    /// <summary>False for a bare program, which has no shell and takes no commands.</summary>
    public bool IsLinux { get; }

    /// <summary>It boots into Warren's init and busybox, not into a system of the user's own.</summary>
    public bool HasOurUserLand { get; }

    /// <summary>
    /// Finds what <paramref name="settings"/> names; what they do not name comes from the image cache, pulled if need be.
    /// </summary>
    public static async Task<GuestSource> FindAsync(RunSettings settings, CancellationToken cancel)
    {
        if (settings.Guest is not null) return Embedded();
        var isLinux = settings.Kernel is not { } own
            || await Interruptible(() => KernelFile.Open(own, MemoryMap.Ram).IsLinux, cancel).ConfigureAwait(false);
        if (settings.Kernel is not null && (!isLinux || settings.Initrd is not null))
            return new GuestSource(settings.Kernel, settings.Initrd, isLinux);

        var store = ImageCommand.OpenStore(settings.Mirror);
        using var progress = new PullProgressBar();
        var image = await store.GetGuestAsync(settings.Offline, progress, cancel).ConfigureAwait(false);
        var initrd = settings.Initrd ?? store.GetInitramfs(image, EmbeddedGuests.Init.ToArray(), progress);
        return new GuestSource(settings.Kernel ?? image.Kernel, initrd, isLinux: true, hasOurUserLand: settings.Initrd is null);
    }

    /// <summary>
    /// Does work on the user's files. They can be slow without end (a network that is down, a gigantic file), and the runtime cannot
    /// interrupt such calls: on <paramref name="cancel"/> the work is left behind, for the end of the process.
    /// </summary>
    public static Task<T> Interruptible<T>(Func<T> work, CancellationToken cancel) => Task.Run(work, cancel).WaitAsync(cancel);

    public void Dispose()
    {
        if (_temporary is not null) File.Delete(_temporary);
    }

    private static GuestSource Embedded()
    {
        var path = Path.Combine(Path.GetTempPath(), $"warren-selftest-{Environment.ProcessId}-{Guid.NewGuid():n}.elf");
        try
        {
            using var file = File.Create(path);
            file.Write(EmbeddedGuests.Selftest);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            File.Delete(path);
            throw new UserErrorException(
                $"The embedded guest cannot be unpacked to '{path}' ({e.Message.TrimEnd('.')}); free some space there or set TMPDIR.");
        }
        return new GuestSource(path, null, isLinux: false, temporary: path);
    }
}
