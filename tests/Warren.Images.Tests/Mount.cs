namespace Warren.Images.Tests;

/// <summary>A real file system of a test's own; the test is skipped where the host allows none to be mounted.</summary>
internal sealed class Mount : IDisposable
{
    private readonly string _path;

    private Mount(string path) => _path = path;

    public static Mount Tmpfs(string path, string options)
    {
        Tool.Require("mount");
        Directory.CreateDirectory(path);
        (int exit, byte[] _, string error) = Tool.TryRun("mount", null, "-t", "tmpfs", "-o", options, "tmpfs", path);
        Skip.If(exit != 0, $"no tmpfs can be mounted: {error.Trim()}");
        return new Mount(path);
    }

    public void Dispose() => Tool.Run("umount", null, _path);
}
