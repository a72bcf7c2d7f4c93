using System.Text;

namespace Warren.Images.Tests;

/// <summary>An OpenPGP key of one test class's own, made by gpg in a home of its own, and the keyring that trusts it.</summary>
public sealed class ThrowAwayKey : IDisposable
{
    private readonly TemporaryDirectory _home = new();

    public ThrowAwayKey()
    {
        if (Tool.Find("gpg") == null)
            return;
        (var exit, var _, var _) =
            Gpg(null, "--passphrase", "", "--quick-generate-key", "Warren test <test@example.invalid>", "ed25519", "sign", "never");
        if (exit != 0)
            return;
        File.WriteAllBytes(Keyring, Gpg(null, "--export").Output);
        Usable = true;
    }

    public string Keyring => _home.File("ring.gpg");

    public bool Usable { get; }

    public byte[] Sign(string text) => Gpg(Encoding.UTF8.GetBytes(text), "--clear-sign").Output;

    public static void Require(params ThrowAwayKey[] keys)
    {
        Tool.Require("gpgv");
        Skip.IfNot(keys.All(k => k.Usable), "gpg cannot make a throw-away key here");
    }

    private (int Exit, byte[] Output, string Error) Gpg(byte[]? input, params string[] arguments) =>
        Tool.TryRun("gpg", input, ["--homedir", _home.Path, "--batch", "--quiet", "--pinentry-mode", "loopback", .. arguments]);

    public void Dispose()
    {
        if (Tool.Find("gpgconf") != null)
            Tool.TryRun("gpgconf", null, "--homedir", _home.Path, "--kill", "all");
        _home.Dispose();
    }
}
