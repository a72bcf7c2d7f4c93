using System.Formats.Tar;
using System.Globalization;
using System.Text;
using System.Threading;
using Warren.Images.Archive;
using Warren.Images.Cache;
using Warren.Images.Compression;
using Warren.Images.Initramfs;
using Warren.Images.Mirrors;
using Warren.Images.Packages;

namespace Warren.Images.Tests;

/// <summary>
/// Every reader of foreign bytes against thousands of seeded mutations of good input: only <see cref="ImageException"/> may come out, and
/// no input may make it allocate out of proportion. A failure names the seed that repeats it.
/// </summary>
public sealed class FuzzTests
{
    private const long MemoryLimit = 24 << 20;

    private static readonly int FirstSeed =
        int.Parse(Environment.GetEnvironmentVariable("WARREN_FUZZ_SEED") ?? "0", CultureInfo.InvariantCulture);

    [Fact]
    public void Xz() =>
    Run(4000, [.. XzSamples.All.Select(s => Convert.FromBase64String(s.File))], data => Drain(new XzStream(new MemoryStream(data))));

    /// <summary>With the headers' CRCs made good again, mutations reach the decoder behind them.</summary>
    [Fact]
    public void Xz_behind_its_header_checks() => Run(4000, [.. XzSamples.All.Select(s => Convert.FromBase64String(s.File))], data =>
    {
        if (data.Length > 24)
        {
            BitConverter.GetBytes(Crc.Compute32(data.AsSpan(6, 2))).CopyTo(data, 8);
            var size = (data[12] + 1) * 4;
            if (data.Length > 12 + size)
                BitConverter.GetBytes(Crc.Compute32(data.AsSpan(12, size - 4))).CopyTo(data, 12 + size - 4);
        }
        Drain(new XzStream(new MemoryStream(data)));
    });

    [Fact]
    public void Lzma2() => Run(6000, [.. XzSamples.All.Select(s => Convert.FromBase64String(s.File)[24..])], data =>
    {
        Lzma2Decoder decoder = new(new XzInput(new MemoryStream(data)));
        decoder.StartBlock(1 << 20, -1);
        long total = 0;
        while (total < 16 << 20 && decoder.ReadChunk(out var chunk))
            total += chunk.Length;
    });

    [Fact]
    public void Tar() => Run(6000,
        [.. new[]
            { TarEntryFormat.V7, TarEntryFormat.Ustar, TarEntryFormat.Pax,
                TarEntryFormat.Gnu }.Select(f => TestDeb.Tar([("./a", [1]), ("./b/", []), ("./b/c", new byte[700])], f)),
            TestDeb.Tar([("./" + new string('n', 150), [1, 2, 3])], TarEntryFormat.Pax),
            TestDeb.Tar([("./" + new string('n', 150), [1, 2, 3])])],
        data =>
        {
            for (var at = 0; at + 512 <= data.Length; at += 512)
            {
                // A third of the headers keep a wrong checksum; the others let the mutation through.
                if (data[at] % 3 != 0 && data.AsSpan(at + 148, 8).ContainsAnyExcept((byte)0))
                    DebTests.FixChecksum(data.AsSpan(at, 512));
            }
            TarWalker walker = new(new MemoryStream(data));
            while (walker.MoveNext(out _, out var content))
                Drain(content);
        });

    [Fact]
    public void Deb() => Run(3000,
        [TestDeb.Build("p", "1", [("./x", new byte[300]), ("./wanted", new byte[900])], ""),
            TestDeb.Build("p", "1", [("./x", new byte[300]), ("./wanted", new byte[900])])],
        data => DebTests.Extract(data, "wanted", 1 << 20));

    [Fact]
    public void Ar() => Run(4000, [TestDeb.Ar(("a", [1]), ("b", [1, 2]), ("c", new byte[50]))], data =>
    {
        ArReader reader = new(new MemoryStream(data));
        while (reader.MoveNext(out _, out _))
        {
        }
    });

    [Fact]
    public void Cpio() =>
    Run(6000, [new InitramfsBuilder().AddText("etc/x", "hello").AddSymbolicLink("l", "t").AddCharacterDevice("dev/null", 1, 3, 0).Build()],
        data => CpioArchive.Read(data));

    [Fact]
    public void Packages_index() =>
    Run(4000, [Text($"Package: linux-image-riscv64\nVersion: 1\nFilename: a/b\nSize: 5\nSHA256: {new string('a', 64)}\nDepends: "
    + $"linux-image-6-riscv64\n\nPackage: x\n\n")],
        data => PackageIndex.Read(new MemoryStream(data), ["linux-image-", "x"], CancellationToken.None)
            .ResolveKernel("linux-image-riscv64", "riscv64"));

    [Fact]
    public void Release() =>
    Run(6000, [Text($"Codename: trixie\nArchitectures: riscv64\nValid-Until: Sat, 12 Sep 2099 07:55:41 UTC\nSHA256:\n "
    + $"{new string('a', 64)} 5 main/x\n")],
        data => ReleaseFile.Parse(data, "trixie", "riscv64", DateTimeOffset.UnixEpoch));

    [Fact]
    public void Signed_form() =>
    Run(6000, [Text("-----BEGIN PGP SIGNED MESSAGE-----\nHash: X\n\nx\n-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP "
    + "SIGNATURE-----\n")],
        data => ClearSigned.CheckForm(data));

    [Fact]
    public void Armored_keyring() =>
    Run(6000, [Text("-----BEGIN PGP PUBLIC KEY BLOCK-----\nA: b\n\nAAAA\nAA==\n=AAAA\n-----END PGP PUBLIC KEY BLOCK-----\n")],
        data => Armor.TryDecodeKeys(data));

    [Fact]
    public void Apt_files() => Run(6000,
        [Text("Types: deb\nURIs: http://m.example/debian\nSuites: trixie\nComponents: main\nSigned-By:\n a\n"),
            Text("deb [signed-by=/x] http://m.example/debian trixie main # x\n"),
            Text("Acquire { http { Proxy \"http://p.example\"; }; }; // x\n/* y */ Acquire::https::Proxy DIRECT;\n")],
        data =>
        {
            var text = Encoding.UTF8.GetString(data);
            foreach (var source in AptSource.ParseDeb822(text).Concat(AptSource.ParseList(text)))
                source.DebianLikeness();
            AptProxy.Read(text, new Dictionary<string, string>());
        });

    [Fact]
    public void Manifests()
    {
        using TemporaryDirectory directory = new();
        var path = directory.File("manifest.json");
        var entry =
            $"{{\"kind\":\"Kernel\",\"package\":\"p\",\"version\":\"1\",\"file\":\"f\",\"size\":5,\"sha256\":\""
            + $"{new string('a', 64)}\",\"packageSha256\":\"x\"}}";
        var source = "\"mirror\":\"m\",\"suite\":\"s\",\"release\":\"r\",\"releaseDigest\":\"d\"";
        var pull = $"{{\"pulled\":\"2026-01-01T00:00:00+00:00\",{source},\"entries\":[{entry}]}}";
        var good = Text($"{{\"format\":1,\"pulls\":[{pull}]}}");
        File.WriteAllBytes(path, good);
        CacheDirectory cache = new(directory.Path, stream => stream);
        Assert.Single(Manifest.Load(cache).Pulls);
        Run(3000, [good], data =>
        {
            File.WriteAllBytes(path, data);
            Assert.All(Manifest.LoadOrEmpty(cache, null).Pulls,
                p => Assert.All(p.Entries, e => Assert.True(RelativePath.IsSafeName(e.File))));
        });
    }

    private static byte[] Text(string text) => Encoding.UTF8.GetBytes(text);

    private static void Drain(Stream stream)
    {
        var buffer = new byte[8192];
        long total = 0;
        int count;
        while ((count = stream.Read(buffer)) > 0)
        {
            total += count;
            Assert.True(total < 1L << 30, "endless");
        }
    }

    private static void Run(int rounds, byte[][] seeds, Action<byte[]> read)
    {
        foreach (var good in seeds)
        {
            try
            {
                read((byte[])good.Clone());
            }
            catch (ImageException)
            {
            }
        }
        for (var seed = FirstSeed; seed < FirstSeed + rounds; seed++)
        {
            var data = Mutate(new Random(seed), seeds);
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                read(data);
            }
            catch (ImageException)
            {
            }
            catch (Exception e) when (e is not Xunit.Sdk.XunitException)
            {
                Assert.Fail($"seed {seed}: {e}");
            }
            var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated < MemoryLimit, $"seed {seed} allocated {allocated} bytes");
        }
    }

    private static byte[] Mutate(Random random, byte[][] seeds)
    {
        List<byte> data = [.. seeds[random.Next(seeds.Length)]];
        var edits = random.Next(1, 6);
        for (var i = 0; i < edits && data.Count > 0; i++)
        {
            var at = random.Next(data.Count);
            var length = random.Next(1, Math.Min(16, data.Count - at) + 1);
            switch (random.Next(8))
            {
                case 0:
                    data.RemoveRange(at, length);
                    break;
                case 1:
                    data.InsertRange(at, data.GetRange(at, length));
                    break;
                case 2:
                    data.RemoveRange(at, data.Count - at);
                    break;
                case 3:
                    var noise = new byte[length];
                    random.NextBytes(noise);
                    for (var j = 0; j < length; j++)
                        data[at + j] = noise[j];
                    break;
                case 4:
                    data[at] = (byte)random.Next(256) is var b && b < 128 ? (byte)0xFF : (byte)0;
                    break;
                case 5:
                    data[at] = (byte)"0123456789 \n:/7"[random.Next(15)];
                    break;
                default:
                    data[at] ^= (byte)(1 << random.Next(8));
                    break;
            }
        }
        return [.. data];
    }
}
