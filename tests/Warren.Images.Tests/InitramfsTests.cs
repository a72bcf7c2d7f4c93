using System.Text;
using Warren.Images.Initramfs;

namespace Warren.Images.Tests;

public sealed class InitramfsTests
{
    [Fact]
    public void Holds_what_a_guest_needs_before_anything_is_mounted()
    {
        var init = TestDeb.Executable(1, 5001);
        var busybox = TestDeb.Executable(2, 7003);
        var entries = CpioArchive.Read(InitramfsBuilder.ForGuest(init, busybox).Build()).ToDictionary(e => e.Path);

        AssertEntry("init", CpioType.Regular, "755", init);
        AssertEntry("bin/busybox", CpioType.Regular, "755", busybox);
        AssertEntry("bin/sh", CpioType.SymbolicLink, "777", "busybox"u8);
        AssertEntry("dev/console", CpioType.CharacterDevice, "600", [], 5, 1);
        AssertEntry("dev/null", CpioType.CharacterDevice, "666", [], 1, 3);
        foreach (var directory in (string[])["proc", "sys", "dev", "etc", "bin", "sbin", "usr", "usr/bin", "usr/sbin", "run", "mnt",
            "var", "var/log"])
        {
            AssertEntry(directory, CpioType.Directory, "755", []);
        }
        AssertEntry("root", CpioType.Directory, "700", []);
        AssertEntry("tmp", CpioType.Directory, "1777", []);
        AssertEntry("etc/passwd", CpioType.Regular, "644", null);
        Assert.StartsWith("root:x:0:0:root:/root:/bin/sh\n", Encoding.ASCII.GetString(entries["etc/passwd"].Content.Span),
            StringComparison.Ordinal);

        void AssertEntry(string path, CpioType type, string octal, ReadOnlySpan<byte> content, int major = 0, int minor = 0)
        {
            var entry = entries[path];
            Assert.Equal(type, entry.Type);
            Assert.Equal(Convert.ToInt32(octal, 8), entry.Permissions);
            Assert.Equal((major, minor), (entry.DeviceMajor, entry.DeviceMinor));
            if (path != "etc/passwd")
                Assert.True(entry.Content.Span.SequenceEqual(content), path);
        }
    }

    [Fact]
    public void Parents_come_before_what_is_in_them()
    {
        HashSet<string> seen = [];
        foreach (var entry in CpioArchive.Read(InitramfsBuilder.ForGuest(new byte[1], new byte[2]).AddText("a/b/c/d", "x").Build()))
        {
            var slash = entry.Path.LastIndexOf('/');
            Assert.True(slash < 0 || seen.Contains(entry.Path[..slash]), entry.Path);
            Assert.True(seen.Add(entry.Path));
        }
    }

    [Fact]
    public void Equal_inputs_give_equal_bytes() =>
        Assert.Equal(
            InitramfsBuilder.ForGuest(TestDeb.Executable(1), TestDeb.Executable(2)).Build(),
            InitramfsBuilder.ForGuest(TestDeb.Executable(1), TestDeb.Executable(2)).Build());

    [Fact]
    public void The_form_is_that_of_newc_byte_for_byte()
    {
        var archive = new InitramfsBuilder().AddFile("ab", "hello"u8.ToArray(), 0x1A4).Build();
        var expected =
            "070701" + "00000001" + "000081a4" + "00000000" + "00000000" + "00000001" + "00000000" + "00000005"
            + "00000000" + "00000000" + "00000000" + "00000000" + "00000003" + "00000000" + "ab\0" + "\0\0\0" + "hello" + "\0\0\0"
            + "070701" + "00000000" + "00000000" + "00000000" + "00000000" + "00000001" + "00000000" + "00000000"
            + "00000000" + "00000000" + "00000000" + "00000000" + "0000000b" + "00000000" + "TRAILER!!!\0" + "\0\0\0";
        Assert.Equal(expected, Encoding.ASCII.GetString(archive));
    }

    [Theory]
    [InlineData("/etc")]
    [InlineData("")]
    [InlineData("a/../b")]
    [InlineData("a//b")]
    [InlineData("a/")]
    [InlineData("a\0b")]
    public void A_path_outside_the_root_is_a_mistake_of_the_caller(string path) =>
        Assert.Throws<ArgumentException>(() => new InitramfsBuilder().AddText(path, "x"));

    [Fact]
    public void A_path_twice_is_a_mistake_of_the_caller() =>
        Assert.Throws<ArgumentException>(() => InitramfsBuilder.ForGuest(new byte[1], new byte[1]).AddText("init", "x"));

    [Fact]
    public void Notices_every_truncation()
    {
        var archive = new InitramfsBuilder().AddText("etc/x", "hello").Build();
        Assert.Equal(2, CpioArchive.Read(archive).Count);
        for (var length = 0; length < archive.Length; length++)
            Assert.Throws<ImageException>(() => CpioArchive.Read(archive.AsMemory(0, length)));
    }
}
