using System.Security.Cryptography;
using System.Text;

namespace Warren.Cli.Tests;

/// <summary>An image cache of a test's own, filled with two pulls of small files; a new process finds it by XDG_CACHE_HOME.</summary>
internal sealed class CacheFixture : IDisposable
{
    private readonly DirectoryInfo _home = Directory.CreateTempSubdirectory("warren-cli-cache-");

    public CacheFixture(bool filled = true)
    {
        if (!filled)
            return;
        Directory.CreateDirectory(Content);
        var old = Pull("Kernel", "old-kernel", "KernelConfig", "old-config", "Busybox", "busybox");
        var current = Pull("Kernel", "kernel", "KernelConfig", "config", "Busybox", "busybox");
        File.WriteAllText(Manifest, $$"""{"format": 1, "pulls": [{{old}}, {{current}}]}""");
        var initramfs = "the initramfs"u8.ToArray();
        Initramfs = Path.Combine(Content, $"initramfs-{Convert.ToHexStringLower(SHA256.HashData(initramfs))}.cpio");
        File.WriteAllBytes(Initramfs, initramfs);
    }

    public string Home => _home.FullName;

    public string Root => Path.Combine(Home, "warren");

    public string Content => Path.Combine(Root, "content");

    public string Manifest => Path.Combine(Root, "manifest.json");

    public string Initramfs { get; } = "";

    public (int Status, string Output, string Error) Run(params string[] arguments)
    {
        var start = WarrenProcess.Start(arguments);
        start.Environment["XDG_CACHE_HOME"] = Home;
        return WarrenProcess.Finish(start);
    }

    public void Dispose() => _home.Delete(recursive: true);

    private string Pull(params string[] kindsAndFiles)
    {
        var entries = kindsAndFiles.Chunk(2).Select(pair =>
        {
            var content = Encoding.UTF8.GetBytes(pair[1]);
            File.WriteAllBytes(Path.Combine(Content, pair[1]), content);
            return $$"""
                {"kind": "{{pair[0]}}", "package": "p", "version": "1", "file": "{{pair[1]}}", "size": {{content.Length}},
                 "sha256": "{{Convert.ToHexStringLower(SHA256.HashData(content))}}", "packageSha256": "{{new string('0', 64)}}"}
                """;
        });
        return $$"""
            {"pulled": "2026-01-01T00:00:00+00:00", "mirror": "http://m.example/", "suite": "trixie", "release": "13.1", "releaseDigest": "d", "entries": [{{string.Join(", ", entries)}}]}
            """;
    }
}
