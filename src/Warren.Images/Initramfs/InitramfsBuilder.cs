using System.Text;

namespace Warren.Images.Initramfs;

/// <summary>
/// Puts together the root file system that a guest boots into. The result depends on nothing but what was added: no time, no
/// user, no host path gets in.
/// </summary>
public sealed class InitramfsBuilder
{
    private readonly List<CpioEntry> _entries = [];
    private readonly HashSet<string> _paths = new(StringComparer.Ordinal);

    /// <summary>
    /// The file system of Warren's own guests: <paramref name="init"/> as /init, Debian's static busybox with /bin/sh, the nodes that init
    /// needs before it mounts devtmpfs, mount points, and the few files in /etc that tools look for. Init links busybox's
    /// other applets at boot.
    /// </summary>
    /// <param name="init">A static RISC-V ELF executable.</param>
    /// <param name="busybox">A static RISC-V ELF executable.</param>
    public static InitramfsBuilder ForGuest(ReadOnlyMemory<byte> init, ReadOnlyMemory<byte> busybox)
    {
        InitramfsBuilder builder = new();
        foreach (var directory in (string[])["bin", "dev", "etc", "mnt", "proc", "run", "sbin", "sys", "usr/bin", "usr/sbin", "var/log"])
            builder.AddDirectory(directory);
        return builder
            .AddDirectory("root", 0x1C0)
            .AddDirectory("tmp", 0x3FF)
            .AddDirectory("var/tmp", 0x3FF)
            .AddCharacterDevice("dev/console", 5, 1, 0x180)
            .AddCharacterDevice("dev/null", 1, 3, 0x1B6)
            .AddText("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n")
            .AddText("etc/group", "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n")
            .AddText("etc/hostname", "warren\n")
            .AddText("etc/hosts", "127.0.0.1 localhost warren\n::1 localhost\n")
            .AddText("etc/shells", "/bin/sh\n")
            .AddText("etc/profile", "export PATH=/usr/sbin:/usr/bin:/sbin:/bin\nexport HOME=/root\nPS1='\\w \\$ '\n")
            .AddFile("init", init, 0x1ED)
            .AddFile("bin/busybox", busybox, 0x1ED)
            .AddSymbolicLink("bin/sh", "busybox");
    }

    /// <param name="permissions">Permission bits; 0755 unless told.</param>
    public InitramfsBuilder AddDirectory(string path, int permissions = 0x1ED) =>
        Add(new CpioEntry(path, (int)CpioType.Directory | permissions, default));

    /// <param name="permissions">Permission bits; 0644 unless told.</param>
    public InitramfsBuilder AddFile(string path, ReadOnlyMemory<byte> content, int permissions = 0x1A4) =>
        Add(new CpioEntry(path, (int)CpioType.Regular | permissions, content));

    public InitramfsBuilder AddText(string path, string content) => AddFile(path, Encoding.UTF8.GetBytes(content));

    public InitramfsBuilder AddSymbolicLink(string path, string target) =>
        Add(new CpioEntry(path, (int)CpioType.SymbolicLink | 0x1FF, Encoding.UTF8.GetBytes(target)));

    public InitramfsBuilder AddCharacterDevice(string path, int major, int minor, int permissions) =>
        Add(new CpioEntry(path, (int)CpioType.CharacterDevice | permissions, default, major, minor));

    /// <summary>The archive as added so far, uncompressed.</summary>
    public byte[] Build() => CpioArchive.Write(_entries);

    // Linux unpacks in order and creates no parent by itself.
    private InitramfsBuilder Add(CpioEntry entry)
    {
        var segments = entry.Path.Split('/');
        if (segments.Any(s => s is "" or "." or ".." || s.Contains('\0', StringComparison.Ordinal)))
            throw new ArgumentException($"\"{entry.Path}\" is not a path below the root", nameof(entry));
        for (var i = 1; i < segments.Length; i++)
        {
            var parent = string.Join('/', segments[..i]);
            if (_paths.Add(parent))
                _entries.Add(new CpioEntry(parent, (int)CpioType.Directory | 0x1ED, default));
        }
        if (!_paths.Add(entry.Path))
            throw new ArgumentException($"\"{entry.Path}\" is there already", nameof(entry));
        _entries.Add(entry);
        return this;
    }
}
