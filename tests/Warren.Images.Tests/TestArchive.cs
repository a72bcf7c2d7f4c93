using System.Security.Cryptography;
using System.Text;
using System.Threading;
using Warren.Images.Archive;

namespace Warren.Images.Tests;

/// <summary>A tiny Debian archive in memory, with everything that a pull reads.</summary>
internal sealed class TestArchive
{
    public const string Release = "6.12.9+test-riscv64";
    public const string KernelPackage = "linux-image-" + Release;
    public const string BinaryPackage = "linux-binary-" + Release;
    public const string BasePackage = "linux-base-" + Release;

    private readonly List<string> _stanzas = [];

    /// <summary>Every file by its path below the root.</summary>
    public Dictionary<string, byte[]> Files { get; } = new(StringComparer.Ordinal);

    public string KernelDebPath { get; private set; } = "";

    public string BusyboxDebPath { get; private set; } = "";

    public byte[] Kernel { get; } = TestDeb.Kernel(1);

    public byte[] Busybox { get; } = TestDeb.Executable(2);

    /// <summary>The text that InRelease carries, as last made by <see cref="Publish"/>.</summary>
    public string ReleaseText { get; private set; } = "";

    /// <summary>
    /// An archive; <paramref name="split"/> as from Linux 7 on: the kernel in a package linux-binary-*, its configuration in linux-base-*,
    /// neither below boot but in <paramref name="usr"/>lib/modules.
    /// </summary>
    public static TestArchive Create(string version = "6.12.9-1", string indexSuffix = ".gz", bool split = false, string usr = "usr/")
    {
        TestArchive archive = new();
        archive.AddNoise();
        var config = Encoding.UTF8.GetBytes($"CONFIG_TEST=y # {version}\n");
        if (split)
        {
            var modules = $"./{usr}lib/modules/{Release}/";
            var binaryDeb = TestDeb.Build(BinaryPackage, version,
                [("./", []), ($"./{usr}lib/modules/", []), (modules, []), (modules + "vmlinuz", archive.Kernel),
                    ("./usr/share/lintian/overrides/x", [1])]);
            var baseDeb = TestDeb.Build(BasePackage, version,
                [("./", []), (modules, []), (modules + "System.map", [1]), (modules + "dtb/a/vmlinuz", [2]), (modules + "config", config)]);
            archive.KernelDebPath = archive.AddDeb(BinaryPackage, version, binaryDeb, depends: $"{BasePackage} (= {version})");
            archive.AddDeb(BasePackage, version, baseDeb);
            archive.AddDeb(KernelPackage, version, TestDeb.Build(KernelPackage, version, [("./", []), ("./usr/share/doc/x", [1])]),
                depends: $"initramfs-tools | dracut, {BasePackage} (= {version}), {BinaryPackage} (= {version}), linux-modules-{Release} "
                    + $"(= {version})");
        }
        else
        {
            var kernelDeb = TestDeb.Build(KernelPackage, version,
            [
                ("./", []), ("./boot/", []), ("./boot/System.map-" + Release, [1]),
                ("./boot/config-" + Release, config),
                ("./boot/vmlinux-" + Release, archive.Kernel),
                ("./usr/lib/modules/x.ko.xz", SampleData.Mixed(9, 100_000)),
            ]);
            archive.KernelDebPath = archive.AddDeb(KernelPackage, version, kernelDeb, depends: "kmod, linux-base (>= 4.3~)");
        }
        var busyboxDeb = TestDeb.Build("busybox-static", "1:1.37.0-6", [("./usr/bin/busybox", archive.Busybox)]);
        archive.BusyboxDebPath = archive.AddDeb("busybox-static", "1:1.37.0-6", busyboxDeb);
        var common = split ? $"linux-base-riscv64 (= {version})" : "kmod (>= 3)";
        archive._stanzas.Add(
            $"Package: linux-image-riscv64\nVersion: {version}\nArchitecture: riscv64\nDepends: {common}, {KernelPackage} (= {version})\n"
            + $"Filename: pool/main/l/meta.deb\nSize: 10\nSHA256: {new string('a', 64)}\n");
        archive.AddNoise();
        archive.Publish(indexSuffix: indexSuffix);
        return archive;
    }

    /// <summary>Adds a package's file and its stanza to the index; call <see cref="Publish"/> after.</summary>
    public string AddDeb(string name, string version, byte[] deb, long? size = null, string? sha256 = null, string depends = "")
    {
        var path = $"pool/main/{name[0]}/{name}_{version.Replace(":", "%3a", StringComparison.Ordinal)}_riscv64.deb";
        Files[path] = deb;
        _stanzas.Add(
            $"Package: {name}\nVersion: {version}\nArchitecture: riscv64\nFilename: {path}\nSize: {size ?? deb.Length}\nSHA256: "
                + $"{sha256 ?? Hash(deb)}\n"
            + (depends.Length > 0 ? $"Depends: {depends}\n" : ""));
        return path;
    }

    public void RemoveStanza(string name) => _stanzas.RemoveAll(s => s.StartsWith($"Package: {name}\n", StringComparison.Ordinal));

    /// <summary>
    /// Writes Packages and InRelease. The signature is whatever <paramref name="sign"/> makes of the text; without one the file is the
    /// text.
    /// </summary>
    public void Publish(Func<string, byte[]>? sign = null, string codename = "trixie", string extra = "", string indexSuffix = ".gz",
        bool byHash = true)
    {
        var index = TestDeb.Compress(Encoding.UTF8.GetBytes(string.Join('\n', _stanzas)), indexSuffix);
        var indexPath = "main/binary-riscv64/Packages" + indexSuffix;
        var hash = Hash(index);
        Files[$"dists/trixie/{(byHash ? "main/binary-riscv64/by-hash/SHA256/" + hash : indexPath)}"] = index;
        IndexPath = $"dists/trixie/{(byHash ? "main/binary-riscv64/by-hash/SHA256/" + hash : indexPath)}";
        ReleaseText = $"Origin: Debian\nSuite: stable\nVersion: 13.99\nCodename: {codename}\nDate: Sat, 12 Sep 2026 07:55:41 UTC\n{extra}"
            + $"Acquire-By-Hash: {(byHash ? "yes" : "no")}\nArchitectures: all amd64 riscv64\nComponents: main\nMD5Sum:\n 0123 1 x\n"
            + $"SHA256:\n {hash} {index.Length,8} {indexPath}\n {new string('0', 64)} 12 main/binary-amd64/Packages.gz\n";
        Files["dists/trixie/InRelease"] = sign?.Invoke(ReleaseText) ?? Encoding.UTF8.GetBytes(ReleaseText);
    }

    public string IndexPath { get; private set; } = "";

    public static string Hash(byte[] data) => Convert.ToHexStringLower(SHA256.HashData(data));

    private void AddNoise()
    {
        for (var i = 0; i < 300; i++)
            _stanzas.Add($"Package: noise{_stanzas.Count}\nVersion: 1\nFilename: ../bad\nDescription: never\n wanted\n .\n at all\n");
    }
}

/// <summary>Takes any text for signed: the tests that are not about signatures need no OpenPGP tool.</summary>
internal sealed class TrustingVerifier : IReleaseVerifier
{
    public Task<ReadOnlyMemory<byte>> VerifyAsync(ReadOnlyMemory<byte> signed, CancellationToken cancellation) => Task.FromResult(signed);
}
