using Warren.Images.Mirrors;

namespace Warren.Images.Tests;

public sealed class MirrorTests
{
    private const string Keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

    /// <summary>File name below the apt directory, its content, and the mirror's root that is to be found, or null.</summary>
    public static TheoryData<string, string, string?> Sources => new()
    {
        { "sources.list", "deb http://m.example/debian trixie main\n", "http://m.example/debian/" },
        { "sources.list", "deb   http://m.example/debian/\ttrixie   main contrib # x\n", "http://m.example/debian/" },
        { "sources.list", "# deb http://a.example/debian trixie main\ndeb https://m.example/debian stable main\n",
            "https://m.example/debian/" },
        { "sources.list", "deb-src http://m.example/debian trixie main\n", null },
        { "sources.list", "deb [arch=amd64 signed-by=" + Keyring + "] http://m.example/x trixie main\n", "http://m.example/x/" },
        { "sources.list", "deb [ signed-by=/k/other.gpg ] http://m.example/debian trixie main\n", null },
        { "sources.list", "deb [arch=amd64 http://m.example/debian trixie main\n", null },
        { "sources.list", "deb http://m.example/ubuntu noble main\n", null },
        { "sources.list", "deb http://m.example/repo stable main\n", null },
        { "sources.list", "deb http://m.example/debian bookworm stable\n", null },
        { "sources.list", "deb http://s.example/debian-security trixie-security main\ndeb http://m.example/debian trixie main\n",
            "http://m.example/debian/" },
        { "sources.list", "deb http://s.example/debian-security trixie-security main\n", null },
        { "sources.list", "deb http://u.example/debian bookworm-backports main\ndeb http://m.example/debian bookworm main\n",
            "http://m.example/debian/" },
        { "sources.list", "deb http://u.example/debian bookworm-updates main\n", "http://u.example/debian/" },
        { "sources.list", "deb cdrom:[Debian]/ trixie main\ndeb file:/srv/debian trixie main\ndeb http://m.example/debian trixie main\n",
            "http://m.example/debian/" },
        { "sources.list", "deb http://m.example/archive/debian/20250101T000000Z trixie main\n",
            "http://m.example/archive/debian/20250101T000000Z/" },
        { "sources.list", "deb http://user:secret@m.example:8080/debian trixie main\n", "http://m.example:8080/debian/" },
        { "sources.list", "deb\ndeb http://x\ndebx http://m.example/debian trixie main\n", null },
        { "sources.list.d/a.list", "deb http://m.example/debian sid main\n", "http://m.example/debian/" },
        { "sources.list.d/a.list.save", "deb http://m.example/debian sid main\n", null },
        { "sources.list.d/debian.sources",
            "Types: deb deb-src\nURIs: http://m.example/debian\nSuites: bookworm bookworm-updates\nComponents: main\nSigned-By: " + Keyring
                + "\n", "http://m.example/debian/" },
        { "sources.list.d/debian.sources", "Types: deb\nEnabled: no\nURIs: http://m.example/debian\nSuites: trixie\nComponents: main\n",
            null },
        { "sources.list.d/debian.sources", "Types: deb-src\nURIs: http://m.example/debian\nSuites: trixie\nComponents: main\n", null },
        { "sources.list.d/debian.sources",
            "# one\nTypes: deb\n# two\nURIs: http://a.example/tool\n http://m.example/debian\nSuites: trixie\nComponents: main\n",
            "http://m.example/debian/" },
        {
            "sources.list.d/all.sources",
            "Types: deb\nURIs: http://s.example/debian-security\nSuites: trixie-security\nComponents: main\nSigned-By: " + Keyring
                + "\n\n\nTypes: deb\r\nURIs: http://m.example/debian\r\nSuites: trixie\r\nComponents: main\r\nSigned-By: " + Keyring
                + "\r\n",
            "http://m.example/debian/"
        },
        { "sources.list.d/inline.sources",
            "Types: deb\nURIs: http://m.example/debian\nSuites: trixie\nComponents: main\nSigned-By:\n -----BEGIN PGP PUBLIC KEY "
                + "BLOCK-----\n .\n AAAA\n", "http://m.example/debian/" },
        { "sources.list.d/other.sources",
            "Types: deb\nURIs: https://vendor.example/apt\nSuites: stable\nComponents: main\nSigned-By: /usr/share/keyrings/vendor.gpg\n",
            null },
    };

    [Theory]
    [MemberData(nameof(Sources))]
    public void Finds_the_Debian_archive_among_apts_sources(string file, string content, string? expected)
    {
        using TemporaryDirectory apt = new();
        Write(apt, file, content);
        if (expected == null)
        {
            var e = Assert.Throws<ImageException>(() => Locate(apt));
            PullFailureTests.AssertSentence(e, ImageError.Configuration, "--mirror", "WARREN_MIRROR", apt.Path);
            return;
        }
        var mirror = Locate(apt);
        Assert.Equal(expected, mirror.Root.ToString());
        Assert.Equal(apt.File(file), mirror.Origin);
        Assert.DoesNotContain("secret", mirror.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_keyring_of_Debian_outweighs_a_path_and_files_are_read_in_order()
    {
        using TemporaryDirectory apt = new();
        Write(apt, "sources.list.d/10-third.list", "deb http://third.example/debian trixie main\n");
        Write(apt, "sources.list.d/20-debian.sources",
            "Types: deb\nURIs: http://m.example/debian\nSuites: trixie\nComponents: main\nSigned-By: " + Keyring + "\n");
        Write(apt, "sources.list.d/30-more.list", $"deb [signed-by={Keyring}] http://later.example/debian trixie main\n");
        Assert.Equal("m.example", Locate(apt).Root.Host);
    }

    [Fact]
    public void The_option_outweighs_the_environment_and_that_outweighs_apt()
    {
        using TemporaryDirectory apt = new();
        Write(apt, "sources.list", "deb http://apt.example/debian trixie main\n");
        Assert.Equal("option.example", Locate(apt, "https://option.example/debian", "http://env.example/debian").Root.Host);
        Assert.Equal("env.example", Locate(apt, null, "http://env.example/debian").Root.Host);
        Assert.Equal("env.example", Locate(apt, " ", "http://env.example/debian").Root.Host);
        Assert.Equal("apt.example", Locate(apt, null, "").Root.Host);
    }

    [Theory]
    [InlineData("ftp://m.example/debian")]
    [InlineData("m.example/debian")]
    [InlineData("/srv/debian")]
    [InlineData("http://")]
    [InlineData("not a url")]
    public void A_mirror_that_is_no_URL_is_refused(string url)
    {
        using TemporaryDirectory apt = new();
        PullFailureTests.AssertSentence(Assert.Throws<ImageException>(() => Locate(apt, url)), ImageError.Configuration, "--mirror",
            "http");
        PullFailureTests.AssertSentence(Assert.Throws<ImageException>(() => Locate(apt, null, url)), ImageError.Configuration,
            "WARREN_MIRROR", "http");
    }

    [Theory]
    [InlineData("Acquire::http::Proxy \"http://p.example:3128/\";", "http://m.example/debian", "http://p.example:3128/")]
    [InlineData("// c\n# d\nAcquire { http { /* x */ Proxy \"http://p.example:3128\"; Timeout \"5\"; }; };", "http://m.example/debian",
        "http://p.example:3128/")]
    [InlineData("acquire::HTTP { proxy http://p.example:3128; }", "http://m.example/debian", "http://p.example:3128/")]
    [InlineData("Acquire::http::Proxy \"http://p.example:3128\";", "https://m.example/debian", "http://p.example:3128/")]
    [InlineData("Acquire::https::Proxy \"http://p.example:3128\";", "http://m.example/debian", null)]
    [InlineData("Acquire::http::Proxy \"http://p.example\";\nAcquire::http::Proxy::m.example \"DIRECT\";", "http://m.example/debian",
        "DIRECT")]
    [InlineData("Acquire::http::Proxy \"http://p.example\";\nAcquire::http::Proxy::other.example \"DIRECT\";", "http://m.example/debian",
        "http://p.example/")]
    [InlineData("#Acquire::http::Proxy \"http://p.example:3128/\";", "http://m.example/debian", null)]
    [InlineData("Acquire::http::Proxy \"\";", "http://m.example/debian", null)]
    [InlineData("APT::Install-Recommends \"0\"; DPkg { Post-Invoke { \"rm -f x || true\"; }; };", "http://m.example/debian", null)]
    [InlineData("Acquire { http { Proxy \"http://p.example", "http://m.example/debian", null)]
    public void Heeds_apts_proxy(string configuration, string url, string? expected)
    {
        using TemporaryDirectory apt = new();
        Write(apt, "apt.conf.d/50proxy", configuration);
        var mirror = Locate(apt, url);
        Assert.Equal(expected == "DIRECT", mirror.Direct);
        Assert.Equal(expected == "DIRECT" ? null : expected, mirror.Proxy?.ToString());
    }

    [Fact]
    public void A_host_without_apt_has_no_sources()
    {
        using TemporaryDirectory apt = new();
        Assert.Throws<ImageException>(() =>
            MirrorLocator.Locate(new MirrorOptions { AptDirectory = apt.File("none"), Environment = _ => null }));
        Assert.Empty(MirrorLocator.ReadSources(apt.File("none")));
        Assert.Empty(AptSource.ParseDeb822(""));
    }

    private static Mirror Locate(TemporaryDirectory apt, string? option = null, string? environment = null) =>
        MirrorLocator.Locate(new MirrorOptions
        { Mirror = option, AptDirectory = apt.Path, Environment = n => n == "WARREN_MIRROR" ? environment : null });

    private static void Write(TemporaryDirectory apt, string file, string content)
    {
        var path = apt.File(file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content);
    }
}
