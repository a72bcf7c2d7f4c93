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
        (var exit, var _, var error) = Tool.TryRun("mount", null, "-t", "tmpfs", "-o", options, "tmpfs", path);
        Skip.If(exit != 0, $"no tmpfs can be mounted: {error.Trim()}");
        return new Mount(path);
    }

    /// <summary>A directory as it is, over itself, where nothing can be written until this is disposed.</summary>
    public static Mount ReadOnly(string path)
    {
        Tool.Require("mount");
        (var exit, var _, var error) = Tool.TryRun("mount", null, "--bind", path, path);
        Skip.If(exit != 0, $"no directory can be bound: {error.Trim()}");
        Mount mount = new(path);
        (exit, _, error) = Tool.TryRun("mount", null, "-o", "remount,ro,bind", path);
        if (exit != 0)
            mount.Dispose();
        Skip.If(exit != 0, $"no directory can be made read-only: {error.Trim()}");
        return mount;
    }

    public void Dispose() => Tool.Run("umount", null, _path);
}
