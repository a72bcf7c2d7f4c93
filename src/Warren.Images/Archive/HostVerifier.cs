using System.Diagnostics;
using System.Threading;

namespace Warren.Images.Archive;

/// <summary>
/// Verifies with the host's own OpenPGP tool, <c>gpgv</c> or else <c>sqv</c>, against Debian's archive keyring: the keys that
/// the host's apt trusts, and no cryptography of ours.
/// </summary>
internal sealed class HostVerifier : IReleaseVerifier
{
    private static readonly string[] s_keyrings =
    [
        "/usr/share/keyrings/debian-archive-keyring.gpg",
        "/usr/share/keyrings/debian-archive-keyring.pgp",
        "/etc/apt/trusted.gpg.d/debian-archive-trixie-stable.gpg",
        "/usr/share/keyrings/debian-archive-trixie-stable.gpg",
    ];

    private readonly string? _keyring;
    private readonly string? _searchPath;

    /// <param name="keyring">An OpenPGP keyring, binary or armored; null for Debian's own.</param>
    /// <param name="searchPath">Where programs are looked for, as in PATH.</param>
    public HostVerifier(string? keyring, string? searchPath)
    {
        _keyring = keyring;
        _searchPath = searchPath;
    }

    public async Task<ReadOnlyMemory<byte>> VerifyAsync(ReadOnlyMemory<byte> signed, CancellationToken cancellation)
    {
        ClearSigned.CheckForm(signed.Span);
        var keyring = FindKeyring();
        var gpgv = FindProgram("gpgv");
        var sqv = gpgv == null ? FindProgram("sqv") : null;
        if (gpgv == null && sqv == null)
        {
            throw new ImageException(ImageError.Configuration,
                "the archive's signature cannot be checked because neither gpgv nor sqv is on this host; install the package gpgv");
        }

        DirectoryInfo? scratch = null;
        try
        {
            scratch = Directory.CreateTempSubdirectory("warren-verify-");
            var message = Path.Combine(scratch.FullName, "InRelease");
            var text = Path.Combine(scratch.FullName, "Release");
            if (Armor.TryDecodeKeys(await File.ReadAllBytesAsync(keyring, cancellation).ConfigureAwait(false)) is { } keys)
            {
                keyring = Path.Combine(scratch.FullName, "keyring.gpg");
                await File.WriteAllBytesAsync(keyring, keys, cancellation).ConfigureAwait(false);
            }
            await File.WriteAllBytesAsync(message, signed, cancellation).ConfigureAwait(false);
            if (gpgv != null)
                await RunGpgvAsync(gpgv, keyring, message, text, cancellation).ConfigureAwait(false);
            else
                await RunSqvAsync(sqv!, keyring, message, text, cancellation).ConfigureAwait(false);
            return File.Exists(text)
                ? await File.ReadAllBytesAsync(text, cancellation).ConfigureAwait(false)
                : throw Bad("the verifier gave back no text");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ImageException(ImageError.Configuration,
                $"the archive's signature cannot be checked because a file cannot be read or written ({e.Message.TrimEnd('.')}); see to "
                    + $"the keyring and to TMPDIR", e);
        }
        finally
        {
            scratch?.Delete(recursive: true);
        }
    }

    // A mirror may be signed by keys older and newer than the host's keyring, so gpgv's exit status is not the answer: one good
    // signature by a key of the ring that is neither expired nor revoked is needed, and a bad one spoils all.
    private static async Task RunGpgvAsync(string program, string keyring, string message, string text, CancellationToken cancellation)
    {
        (var _, var status) = await RunAsync(
            program, ["--status-fd", "1", "--keyring", keyring, "--output", text, message], cancellation).ConfigureAwait(false);
        var good = false;
        var valid = false;
        var why = "it is not by a key of the keyring";
        foreach (var line in status.Split('\n'))
        {
            var words = line.Split(' ');
            if (words.Length < 2 || words[0] != "[GNUPG:]")
                continue;
            switch (words[1])
            {
                case "GOODSIG":
                    good = true;
                    break;
                case "VALIDSIG":
                    valid = true;
                    break;
                case "BADSIG":
                    throw Bad("the file was altered");
                case "EXPKEYSIG" or "EXPSIG":
                    why = "the key or the signature has expired";
                    break;
                case "REVKEYSIG":
                    why = "the key was revoked";
                    break;
                case "NODATA" or "UNEXPECTED" or "BADARMOR":
                    why = "the file is not a signed message";
                    break;
            }
        }
        if (!good || !valid)
            throw Bad(why);
    }

    private static async Task RunSqvAsync(string program, string keyring, string message, string text, CancellationToken cancellation)
    {
        (var exit, var _) = await RunAsync(
            program, ["--keyring", keyring, "--cleartext", "--output", text, message], cancellation).ConfigureAwait(false);
        if (exit != 0)
            throw Bad("sqv finds no valid signature by a key of the keyring");
    }

    private static async Task<(int Exit, string Output)> RunAsync(string program, string[] arguments, CancellationToken cancellation)
    {
        ProcessStartInfo start = new(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["LC_ALL"] = "C";
        using Process process = new() { StartInfo = start };
        try
        {
            process.Start();
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new ImageException(ImageError.Configuration,
                $"the archive's signature cannot be checked because {program} does not start: {e.Message}", e);
        }
        try
        {
            process.StandardInput.Close();
            var output = process.StandardOutput.ReadToEndAsync(cancellation);
            var error = process.StandardError.ReadToEndAsync(cancellation);
            await Task.WhenAll(output, error).ConfigureAwait(false);
            await process.WaitForExitAsync(cancellation).ConfigureAwait(false);
            return (process.ExitCode, await output.ConfigureAwait(false));
        }
        finally
        {
            if (!process.HasExited)
                process.Kill();
        }
    }

    private string FindKeyring()
    {
        if (_keyring != null)
        {
            if (!File.Exists(_keyring))
            {
                throw new ImageException(ImageError.Configuration,
                    $"the keyring {_keyring} does not exist; name another with --keyring or WARREN_KEYRING");
            }
            // Pipes and devices have no length either, and opening one could wait for ever.
            return new FileInfo(_keyring).Length > 0
                ? Path.GetFullPath(_keyring)
                : throw new ImageException(ImageError.Configuration,
                    $"the keyring {_keyring} is empty or no ordinary file; name another with --keyring or WARREN_KEYRING");
        }
        return s_keyrings.FirstOrDefault(File.Exists)
            ?? throw new ImageException(ImageError.Configuration,
                "Debian's archive keyring is not on this host; install the package debian-archive-keyring or name a keyring with "
                    + "--keyring or WARREN_KEYRING");
    }

    private string? FindProgram(string name)
    {
        foreach (var directory in (_searchPath ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries))
        {
            var path = Path.Combine(directory, name);
            if (Path.IsPathRooted(directory) && File.Exists(path))
                return path;
        }
        return null;
    }

    private static ImageException Bad(string why) =>
        new(ImageError.Signature,
            $"the archive's signature is not good: {why}; try another mirror with --mirror, or another keyring with --keyring");
}
