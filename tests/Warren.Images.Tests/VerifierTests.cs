using System.Text;
using System.Threading;
using Warren.Images.Archive;

namespace Warren.Images.Tests;

public sealed class VerifierTests(ThrowAwayKey key) : IClassFixture<ThrowAwayKey>
{
    [SkippableFact]
    public async Task A_signed_archive_is_pulled()
    {
        ThrowAwayKey.Require(key);
        using PullFixture fixture = new();
        fixture.Archive.Publish(key.Sign);
        ImageStore store = new(fixture.Options() with { Verifier = null, Keyring = key.Keyring });
        fixture.AssertGuest((await store.PullAsync()).Guest);
    }

    [SkippableFact]
    public async Task The_keyring_may_come_from_the_environment()
    {
        ThrowAwayKey.Require(key);
        using PullFixture fixture = new();
        fixture.Archive.Publish(key.Sign);
        var options = fixture.Options();
        ImageStore store =
            new(options with { Verifier = null, Environment = n => n == "WARREN_KEYRING" ? key.Keyring : options.Environment(n) });
        fixture.AssertGuest((await store.PullAsync()).Guest);
    }

    [SkippableFact]
    public async Task Only_the_signed_text_is_given_back()
    {
        ThrowAwayKey.Require(key);
        var text = "Origin: Debian\n- dash\nSHA256:\n x\n";
        var verified = await Verify(key.Sign(text));
        Assert.Equal(text, Encoding.UTF8.GetString(verified.Span));
    }

    [SkippableFact]
    public async Task An_altered_text_is_refused()
    {
        ThrowAwayKey.Require(key);
        var signed = Encoding.UTF8.GetString(key.Sign("Origin: Debian\nSHA256:\n"));
        await AssertRefused(Encoding.UTF8.GetBytes(signed.Replace("Debian", "Dabian", StringComparison.Ordinal)), "altered");
        using PullFixture fixture = new();
        fixture.Archive.Publish(text =>
            Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(key.Sign(text)).Replace("13.99", "13.98", StringComparison.Ordinal)));
        ImageStore store = new(fixture.Options() with { Verifier = null, Keyring = key.Keyring });
        var e = await Assert.ThrowsAsync<ImageException>(() => store.PullAsync());
        PullFailureTests.AssertSentence(e, ImageError.Signature, "signature", "--mirror", "--keyring");
        Assert.Empty(fixture.Files());
    }

    [SkippableFact]
    public async Task A_signature_by_a_stranger_is_refused()
    {
        using ThrowAwayKey stranger = new();
        ThrowAwayKey.Require(key, stranger);
        await AssertRefused(stranger.Sign("Origin: Debian\n"), "not by a key of the keyring");
    }

    [SkippableFact]
    public async Task An_armored_keyring_serves_as_well()
    {
        ThrowAwayKey.Require(key);
        using TemporaryDirectory directory = new();
        var armored = Convert.ToBase64String(File.ReadAllBytes(key.Keyring), Base64FormattingOptions.InsertLineBreaks);
        var ring = directory.File("ring.asc");
        File.WriteAllText(ring,
            $"-----BEGIN PGP PUBLIC KEY BLOCK-----\nComment: x\n\n{armored}\n=AAAA\n-----END PGP PUBLIC KEY BLOCK-----\n");
        HostVerifier verifier = new(ring, Environment.GetEnvironmentVariable("PATH"));
        var text = await verifier.VerifyAsync(key.Sign("Origin: Debian\n"), CancellationToken.None);
        Assert.Equal("Origin: Debian\n", Encoding.UTF8.GetString(text.Span));
    }

    [SkippableFact]
    public async Task One_known_signer_among_strangers_is_enough()
    {
        using ThrowAwayKey stranger = new();
        ThrowAwayKey.Require(key, stranger);
        var text = "Origin: Debian\n";
        var mine = Encoding.UTF8.GetString(key.Sign(text));
        // An archive signs with several keys by putting several signature packets in one armor: joined here from two one-key messages.
        var joined = JoinSignatures(mine, Encoding.UTF8.GetString(stranger.Sign(text)));
        Assert.Equal(text, Encoding.UTF8.GetString((await Verify(joined)).Span));
    }

    [SkippableFact]
    public async Task Text_around_the_signed_part_is_refused()
    {
        ThrowAwayKey.Require(key);
        var signed = key.Sign("Origin: Debian\n");
        await AssertRefused([.. "Origin: Evil\n"u8, .. signed], "one signed message");
        await AssertRefused([.. signed, .. "Origin: Evil\n"u8], "one signed message");
        await AssertRefused([.. signed, .. signed], "one signed message");
        await AssertRefused(signed[..(signed.Length / 2)], "one signed message");
        await AssertRefused("Origin: Debian\n"u8.ToArray(), "one signed message");
        await AssertRefused([], "one signed message");
    }

    [SkippableFact]
    public async Task An_empty_signature_is_refused()
    {
        ThrowAwayKey.Require(key);
        var forged = Encoding.UTF8.GetBytes(
            "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nOrigin: Debian\n-----BEGIN PGP SIGNATURE-----\n\n-----END PGP "
                + "SIGNATURE-----\n");
        var e = await Assert.ThrowsAsync<ImageException>(() => Verify(forged));
        Assert.Equal(ImageError.Signature, e.Error);
    }

    /// <summary>Opened, a pipe that nobody writes to would never come back.</summary>
    [Fact]
    public async Task A_keyring_that_is_no_file_is_refused_unopened()
    {
        using TemporaryDirectory directory = new();
        var pipe = directory.File("ring.gpg");
        using (var mkfifo = System.Diagnostics.Process.Start("mkfifo", [pipe]))
            await mkfifo.WaitForExitAsync();
        HostVerifier verifier = new(pipe, Environment.GetEnvironmentVariable("PATH"));
        Task verification = Task.Run(() => verifier.VerifyAsync(Form("x"), CancellationToken.None));
        var e = await Assert.ThrowsAsync<ImageException>(() => verification.WaitAsync(TimeSpan.FromMinutes(1)));
        PullFailureTests.AssertSentence(e, ImageError.Configuration, "ordinary file", "--keyring");
    }

    [Fact]
    public async Task A_missing_keyring_is_named()
    {
        HostVerifier verifier = new("/nowhere/ring.gpg", Environment.GetEnvironmentVariable("PATH"));
        var e = await Assert.ThrowsAsync<ImageException>(() => verifier.VerifyAsync(Form("x"), CancellationToken.None));
        PullFailureTests.AssertSentence(e, ImageError.Configuration, "/nowhere/ring.gpg", "--keyring", "WARREN_KEYRING");
    }

    [Fact]
    public async Task Without_any_verifier_the_package_to_install_is_named()
    {
        using TemporaryDirectory empty = new();
        File.WriteAllBytes(empty.File("ring.gpg"), [1]);
        HostVerifier verifier = new(empty.File("ring.gpg"), empty.Path);
        var e = await Assert.ThrowsAsync<ImageException>(() => verifier.VerifyAsync(Form("x"), CancellationToken.None));
        PullFailureTests.AssertSentence(e, ImageError.Configuration, "gpgv", "install");
    }

    [Theory]
    [InlineData("exit 0", null)]
    [InlineData("exit 1", "sqv finds no valid signature")]
    public async Task Falls_back_to_sqv(string end, string? refusal)
    {
        using TemporaryDirectory bin = new();
        File.WriteAllBytes(bin.File("ring.gpg"), [1]);
        File.WriteAllText(bin.File("sqv"),
            $"#!/bin/sh\n[ \"$1 $2 $3 $4\" = \"--keyring {bin.File("ring.gpg")} --cleartext --output\" ] || exit 9\nprintf 'the text' > "
                + $"\"$5\"\n{end}\n");
        Tool.Run("chmod", null, "+x", bin.File("sqv"));
        HostVerifier verifier = new(bin.File("ring.gpg"), bin.Path);
        if (refusal == null)
        {
            Assert.Equal("the text", Encoding.UTF8.GetString((await verifier.VerifyAsync(Form("x"), CancellationToken.None)).Span));
            return;
        }
        var e = await Assert.ThrowsAsync<ImageException>(() => verifier.VerifyAsync(Form("x"), CancellationToken.None));
        PullFailureTests.AssertSentence(e, ImageError.Signature, refusal);
    }

    private Task<ReadOnlyMemory<byte>> Verify(byte[] signed) =>
        new HostVerifier(key.Keyring, Environment.GetEnvironmentVariable("PATH")).VerifyAsync(signed, CancellationToken.None);

    private async Task AssertRefused(byte[] signed, string word)
    {
        var e = await Assert.ThrowsAsync<ImageException>(() => Verify(signed));
        PullFailureTests.AssertSentence(e, ImageError.Signature, word);
    }

    private static byte[] Form(string text) => Encoding.UTF8.GetBytes(
        $"-----BEGIN PGP SIGNED MESSAGE-----\n\n{text}\n-----BEGIN PGP SIGNATURE-----\n-----END PGP SIGNATURE-----\n");

    private static byte[] JoinSignatures(string first, string second)
    {
        const string Begin = "-----BEGIN PGP SIGNATURE-----\n";
        byte[] packets = [.. Packets(first), .. Packets(second)];
        return Encoding.UTF8.GetBytes(
            first[..first.IndexOf(Begin, StringComparison.Ordinal)] + Begin + "\n"
                + Convert.ToBase64String(packets, Base64FormattingOptions.InsertLineBreaks).Replace("\r", "", StringComparison.Ordinal)
            + "\n-----END PGP SIGNATURE-----\n");

        static byte[] Packets(string message)
        {
            var armor = message[(message.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length)..];
            var lines = armor.Split('\n').SkipWhile(l => l.Length > 0).Skip(1).TakeWhile(l => l[0] is not ('=' or '-'));
            return Convert.FromBase64String(string.Concat(lines));
        }
    }
}
