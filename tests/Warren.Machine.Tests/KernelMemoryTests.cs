using System.Globalization;
using System.Text.RegularExpressions;
using Warren.Machines.Boot;

namespace Warren.Machines.Tests;

/// <summary>Where a kernel, its initrd and the device tree lie in memory, and how much of it they need.</summary>
public sealed class KernelMemoryTests : KernelDirectory
{
    /// <summary>The number is right at once: that much is enough, and a MiB less is not.</summary>
    [Theory]
    [InlineData(0x10_8020_0000, 64, 0)]
    [InlineData(0x10_8020_0000, 0x40_0000, 10_000)]
    [InlineData(0x8000_0000, 3 << 20, 5 << 20)]
    [InlineData(0x8010_0000, 0x1f_f000, 0)]
    [InlineData(0x8000_0000 + (512L << 30) - (8 << 20), 4096, 0)]
    public void The_memory_needed_is_one_number(ulong address, ulong size, ulong initrd)
    {
        var kernel = Open("elf", KernelFiles.Elf(entry: address, segments: (address, address, new byte[64], size)));
        var message =
            Assert.Throws<MachineConfigurationException>(() => BootLayout.Plan(kernel, initrd, 5000, MemoryMap.Ram, 1 << 20)).Message;
        var needed = ulong.Parse(Regex.Match(message, "at least ([0-9]+) MiB").Groups[1].Value, CultureInfo.InvariantCulture);
        BootLayout.Plan(kernel, initrd, 5000, MemoryMap.Ram, needed << 20);
        var less =
            Assert.Throws<MachineConfigurationException>(() =>
                BootLayout.Plan(kernel, initrd, 5000, MemoryMap.Ram, needed - 1 << 20)).Message;
        Assert.Contains($"at least {needed} MiB", less, StringComparison.Ordinal);
    }

    /// <summary>Memory that a Linux kernel needs to start in counts like what lies in memory, and is said to be that.</summary>
    [Fact]
    public void Room_to_start_in_is_part_of_the_memory_needed()
    {
        var kernel = Open("Image", KernelFiles.FlatImage(imageSize: 10 << 20));
        BootLayout.Plan(kernel, 1 << 20, 5000, MemoryMap.Ram, 34UL << 20, beside: 20 << 20);
        var message =
            Assert.Throws<MachineConfigurationException>(() =>
                BootLayout.Plan(kernel, 1 << 20, 5000, MemoryMap.Ram, 33UL << 20, beside: 20 << 20)).Message;
        Assert.Contains("33 MiB of memory is too little for the Linux kernel 'Image' to start in", message, StringComparison.Ordinal);
        Assert.Contains("at least 34 MiB", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0x8000_0000 + (512L << 30), 64, 0)]
    [InlineData(0x8000_0000 + (512L << 30) - (1 << 20), 64, 0)]
    [InlineData(0x8000_0000 + (512L << 30) - (8 << 20), 64, 8 << 20)]
    [InlineData(0x8000_0000, 1UL << 60, 0)]
    [InlineData(0x8000_0000, ulong.MaxValue - 0x8000_0000, 0)]
    [InlineData(0x00ff_ffff_ffff_f000, 4096, 0)]
    [InlineData(0x8000_0000, 64, (ulong)long.MaxValue)]
    public void More_memory_than_a_machine_can_have_is_said_to_be(ulong address, ulong size, ulong initrd)
    {
        var kernel = Open("elf", KernelFiles.Elf(entry: address, segments: (address, address, new byte[64], size)));
        var message =
            Assert.Throws<MachineConfigurationException>(() => BootLayout.Plan(kernel, initrd, 5000, MemoryMap.Ram, 512UL << 30)).Message;
        Assert.Contains("at most 524288", message, StringComparison.Ordinal);
        Assert.DoesNotContain("at least", message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_layout_overlaps_nothing_and_fits()
    {
        var random = new Random(7);
        for (var i = 0; i < 2000; i++)
        {
            var length = (ulong)random.Next(1, 40 << 20);
            var kernel = new KernelImage("k", "k", KernelFormat.Image, 0x8020_0000, [new KernelSegment(0x8020_0000, 0, length, length)]);
            var initrd = random.Next(3) == 0 ? 0 : (ulong)random.Next(1, 40 << 20);
            var tree = (ulong)random.Next(1, 100_000);
            var ram = (ulong)random.Next(1, 256) << 20;
            try
            {
                var layout = BootLayout.Plan(kernel, initrd, tree, MemoryMap.Ram, ram);
                ulong kernelEnd = kernel.End, initrdEnd = layout.Initrd + initrd;
                Assert.True(initrd == 0 ? layout.DeviceTree >= kernelEnd : layout.Initrd >= kernelEnd && layout.DeviceTree >= initrdEnd);
                Assert.True(layout.DeviceTree + tree <= MemoryMap.Ram + ram);
                Assert.Equal(0u, layout.Initrd % 4096);
                Assert.Equal(0u, layout.DeviceTree % 8);
                Assert.Equal(layout.DeviceTree >> 21, (layout.DeviceTree + tree - 1) >> 21);
            }
            catch (MachineConfigurationException e)
            {
                Assert.Contains("at least", e.Message, StringComparison.Ordinal);
                Assert.True(0x20_0000 + length + initrd + tree + (6 << 20) > ram, e.Message);
            }
        }
    }

    /// <summary>
    /// The MiB that a kernel's own strings say it sets aside before it has a console (LinuxMemory), with an initrd of one and the tree's
    /// page.
    /// </summary>
    [Theory]
    [InlineData("", "", 0)]
    [InlineData("memory map backing failed", "", 0)]
    [InlineData("Linux version 6.12", "", 9)]
    [InlineData("Linux version 6.12|memory map backing failed", "", 25)]
    [InlineData("Linux version 6.12|memory map backing failed|early_page_ext", "", 41)]
    [InlineData("Linux version 6.12|memory map backing failed|early_page_ext|kfence: initialized - using", "", 43)]
    [InlineData("Linux version 6.12|Too small a size for current use", "", 9)]
    public void A_linux_kernel_needs_room_to_start_in(string strings, string commandLine, int beside)
    {
        // 30 MiB of memory from 2 MiB on, as long as the measured kernel's.
        var image = KernelFiles.FlatImage(3 << 20, imageSize: 30 << 20);
        var at = 1 << 20;
        foreach (var text in strings.Split('|'))
        {
            // Across the border of two pieces that are looked at.
            System.Text.Encoding.ASCII.GetBytes(text).CopyTo(image, at - text.Length / 2);
            at += text.Length > 20 ? 1 << 20 : 100_000;
            if (at >= image.Length - 100)
                at = 500_000;
        }
        string kernel = Save("Image", image), initrd = Save("initrd", new byte[1 << 20]);
        ulong End(int cpus, long mebibytes) => Boot.LinuxMemory.LeastBeside(
            KernelFile.Open(kernel, MemoryMap.Ram), initrd, 1 << 20,
            new MachineOptions { KernelPath = kernel, Cpus = cpus, MemoryBytes = mebibytes << 20, CommandLine = commandLine });
        Assert.Equal((ulong)beside, End(1, 40) >> 20);
        Assert.Equal(0u, End(1, 256));
        if (beside > 0)
            Assert.Equal((ulong)beside + 3, End(4, 40) >> 20);
    }

    [Fact]
    public void An_initrd_needs_room_to_be_unpacked_in()
    {
        var image = KernelFiles.FlatImage(1 << 20, imageSize: 30 << 20);
        "Linux version 6.12"u8.CopyTo(image.AsSpan(5000));
        "Too small a size for current use"u8.CopyTo(image.AsSpan(6000));
        var kernel = Save("Image", image);
        var packed = KernelFiles.Gzip(new byte[20 << 20]);
        var initrd = Save("initrd.gz", packed);
        ulong Beside(string commandLine) => Boot.LinuxMemory.LeastBeside(
            KernelFile.Open(kernel, MemoryMap.Ram), initrd, (ulong)packed.Length,
            new MachineOptions { KernelPath = kernel, MemoryBytes = 64 << 20, CommandLine = commandLine });
        // A tmpfs takes half of what is left; with a root of its own the initrd is only unpacked.
        Assert.Equal(40u, Beside("quiet") >> 20);
        Assert.Equal(28u, Beside("root=/dev/vda") >> 20);
        Assert.Equal(28u, Beside("rootfstype=ramfs") >> 20);
    }

    /// <summary>Memory that is plenty for the initrd's file may be too little for what is in it.</summary>
    [Fact]
    public void A_small_initrd_may_hold_much()
    {
        var image = KernelFiles.FlatImage(1 << 20, imageSize: 30 << 20);
        "Linux version 6.12"u8.CopyTo(image.AsSpan(5000));
        var kernel = Save("Image", image);
        var packed = KernelFiles.Gzip(new byte[100 << 20]);
        var initrd = Save("initrd.gz", packed);
        var beside = Boot.LinuxMemory.LeastBeside(
            KernelFile.Open(kernel, MemoryMap.Ram), initrd, (ulong)packed.Length,
            new MachineOptions { KernelPath = kernel, MemoryBytes = 128 << 20 });
        Assert.Equal(108u, beside >> 20);
    }

    [Fact]
    public void A_kernel_linked_below_memory_is_refused()
    {
        var kernel = Open("elf", KernelFiles.Elf(entry: 0x1000, segments: [(0x1000, 0x1000, new byte[64], 64)]));
        Assert.Contains("no memory",
            Assert.Throws<MachineConfigurationException>(() => BootLayout.Plan(kernel, 0, 4096, MemoryMap.Ram, 1 << 30)).Message,
            StringComparison.Ordinal);
    }
}
