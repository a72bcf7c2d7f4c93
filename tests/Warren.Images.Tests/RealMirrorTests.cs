using System.Text;

namespace Warren.Images.Tests;

/// <summary>The whole way against a real Debian archive, its real signature included.</summary>
[Trait("Length", "Gate")]
public sealed class RealMirrorTests(RealPull real) : IClassFixture<RealPull>
{
    [SkippableFact]
    public async Task Pulls_the_kernel_and_busybox_of_Debian_trixie()
    {
        (var store, var first) = await real.GetAsync();

        Assert.True(first.Changed);
        Assert.StartsWith("6.12.", first.Guest.Version, StringComparison.Ordinal);
        Assert.EndsWith("-riscv64", first.Guest.Version, StringComparison.Ordinal);
        Assert.True(new FileInfo(first.Guest.Kernel).Length > 20_000_000);
        Assert.Equal("RSC\x05"u8.ToArray(), File.ReadAllBytes(first.Guest.Kernel)[56..60]);
        Assert.Equal(3, store.List().Count);
        Assert.All(await store.VerifyAsync(), s => Assert.Equal(ImageHealth.Good, s.Health));
        Assert.Empty(Directory.GetFiles(Path.Combine(real.Cache, "partial")));

        var second = await store.PullAsync();
        Assert.False(second.Changed);
        Assert.True(second.Received < 1_000_000);
        Assert.Equal(first.Guest, await store.GetGuestAsync(offline: true));
    }

    /// <summary>Where kernel and configuration are in packages of their own (linux-binary-*, linux-base-*).</summary>
    [SkippableFact]
    public async Task Pulls_the_kernel_of_Debian_sid()
    {
        using TemporaryDirectory cache = new();
        ImageStore store =
            new(new ImageStoreOptions
            {
                Directory = cache.Path,
                Suite = "sid",
                Mirror = new MirrorOptions { Mirror = (await RealPull.FindMirrorAsync()).Root.ToString() }
            });

        PullResult pull;
        try
        {
            pull = await store.PullAsync();
        }
        catch (ImageException e) when (e.Error == ImageError.Signature)
        {
            throw new SkipException($"this host's keyring is too old for sid: {e.Message}");
        }

        Assert.Equal("RSC\x05"u8.ToArray(), File.ReadAllBytes(pull.Guest.Kernel)[56..60]);
        Assert.Contains("CONFIG_RISCV=y",
            File.ReadAllText(Path.Combine(store.Directory, "content", pull.Pull.Find(ImageKind.KernelConfig)!.File)),
            StringComparison.Ordinal);
        Assert.EndsWith("-riscv64", pull.Guest.Version, StringComparison.Ordinal);
    }

    /// <summary>A kernel that Warren did not write, run by an emulator that is not Warren, accepts our initramfs.</summary>
    [SkippableFact]
    public async Task Linux_under_qemu_unpacks_the_initramfs()
    {
        Tool.Require("qemu-system-riscv64");
        (var store, var pull) = await real.GetAsync();
        var init = Encoding.ASCII.GetBytes(
            "#!/bin/sh\n"
            + "busybox echo \"init runs as $(busybox id -u), console $(busybox stat -c %a-%t-%T /dev/console), tmp $(busybox stat -c %a "
            + "/tmp), sh $(busybox readlink /bin/sh)\"\n"
            + "busybox sha256sum /bin/busybox /init\n"
            + "busybox poweroff -f\n");
        var initramfs = store.GetInitramfs(pull.Guest, init);

        (var _, var output, var error) =
            Tool.TryRun("timeout", null, "-k", "1", "120", "qemu-system-riscv64", "-M", "virt", "-m", "256M", "-nographic",
            "-no-reboot", "-net", "none", "-kernel", pull.Guest.Kernel, "-initrd", initramfs, "-append", "console=ttyS0 quiet");

        var console = Encoding.UTF8.GetString(output);
        Assert.True(console.Contains("init runs as 0, console 600-5-1, tmp 1777, sh busybox", StringComparison.Ordinal), console + error);
        Assert.Contains(TestArchive.Hash(File.ReadAllBytes(pull.Guest.Busybox)) + "  /bin/busybox", console, StringComparison.Ordinal);
        Assert.Contains(TestArchive.Hash(init) + "  /init", console, StringComparison.Ordinal);
    }
}
