using System.Buffers.Binary;
using System.IO.Compression;
using System.Net.Sockets;
using System.Text;
using Warren.Machines.Boot;

namespace Warren.Machines.Tests;

/// <summary>The formats of kernels: what is read, and what is refused by its name.</summary>
public sealed class KernelFileTests : KernelDirectory
{
    [Fact]
    public void An_image_that_says_it_needs_less_than_it_has_is_refused() =>
    Assert.Contains("4096", Refusal("small", KernelFiles.FlatImage(8192, imageSize: 4096)), StringComparison.Ordinal);

    [Fact]
    public void A_gzip_of_nothing_is_called_by_its_own_name()
    {
        using var empty = new MemoryStream();
        new GZipStream(empty, CompressionMode.Compress, leaveOpen: true).Dispose();
        // A file of two members, neither of which holds anything.
        byte[] member = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        Assert.Contains("nothing.gz", Refusal("nothing.gz", [.. empty.ToArray(), .. member]), StringComparison.Ordinal);
    }

    [Fact]
    public void A_flat_image_goes_to_its_text_offset()
    {
        var kernel = Open("Image", KernelFiles.FlatImage());
        Assert.Equal(KernelFormat.Image, kernel.Format);
        Assert.Equal(0x8020_0000u, kernel.Entry);
        Assert.Equal(new KernelSegment(0x8020_0000, 0, 8192, 0x10_000), Assert.Single(kernel.Segments));
        Assert.Equal(0x8021_0000u, kernel.End);
    }

    [Fact]
    public void An_image_longer_than_it_says_still_fits()
        => Assert.Equal(0x8020_0000u + 8192, Open("Image", KernelFiles.FlatImage(imageSize: 0)).End);

    [Fact]
    public void Either_magic_is_enough()
    {
        var old = KernelFiles.FlatImage();
        old.AsSpan(56, 4).Clear();
        var young = KernelFiles.FlatImage();
        young.AsSpan(48, 8).Clear();
        Assert.Equal(0x8020_0000u, Open("old", old).Entry);
        Assert.Equal(0x8020_0000u, Open("young", young).Entry);
    }

    [Fact]
    public void A_gzip_image_is_unpacked_once_and_kept()
    {
        var content = KernelFiles.FlatImage(100_000);
        var packed = Save("Image.gz", KernelFiles.Gzip(content));
        var cache = Path.Combine(DirectoryPath, "cache");
        var first = KernelFile.Open(packed, MemoryMap.Ram, cache);
        Assert.Equal(content, File.ReadAllBytes(first.Path));
        Assert.Equal(packed, first.Name);
        var written = File.GetLastWriteTimeUtc(first.Path);
        Assert.Equal(first.Path, KernelFile.Open(packed, MemoryMap.Ram, cache).Path);
        Assert.Equal(written, File.GetLastWriteTimeUtc(first.Path));
        Assert.Single(Directory.GetFiles(cache));
    }

    [Fact]
    public void An_altered_unpacked_copy_is_noticed_and_made_anew()
    {
        var content = KernelFiles.FlatImage(100_000);
        var packed = Save("Image.gz", KernelFiles.Gzip(content));
        var cache = Path.Combine(DirectoryPath, "cache");
        var copy = KernelFile.Open(packed, MemoryMap.Ram, cache).Path;
        var altered = (byte[])content.Clone();
        altered[5000] ^= 1;
        File.WriteAllBytes(copy, altered);
        Assert.Equal(content, File.ReadAllBytes(KernelFile.Open(packed, MemoryMap.Ram, cache).Path));
    }

    [Fact]
    public void A_cache_that_cannot_be_written_is_named()
    {
        var file = Save("not-a-directory", [1]);
        var packed = Save("Image.gz", KernelFiles.Gzip(KernelFiles.FlatImage()));
        var message =
            Assert.Throws<MachineConfigurationException>(() => KernelFile.Open(packed, MemoryMap.Ram, Path.Combine(file, "cache"))).Message;
        Assert.Contains("XDG_CACHE_HOME", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_damaged_gzip_is_said_to_be_damaged()
    {
        var packed = KernelFiles.Gzip(KernelFiles.FlatImage(100_000));
        packed.AsSpan(packed.Length / 2, 20).Fill(0xff);
        Assert.Contains("damaged gzip", Refusal("Image.gz", packed), StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(Path.Combine(DirectoryPath, "cache")));
    }

    [Fact]
    public void A_gzip_cut_anywhere_is_refused_and_not_kept()
    {
        var packed = KernelFiles.Gzip(KernelFiles.FlatImage(3000));
        for (var length = 3; length < packed.Length; length++)
            Assert.Contains("damaged gzip", Refusal("Image.gz", packed[..length]), StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(Path.Combine(DirectoryPath, "cache")));
        Assert.Equal(3000u, Open("Image.gz", packed).Segments[0].FileSize);
    }

    [Fact]
    public void A_gzip_may_have_several_members_and_nothing_else()
    {
        var image = KernelFiles.FlatImage(20_000);
        byte[] two = [.. KernelFiles.Gzip(image[..7000]), .. KernelFiles.Gzip(image[7000..])];
        Assert.Equal(image, File.ReadAllBytes(Open("Image.gz", two).Path));
        var kept = Assert.Single(Directory.GetFiles(Path.Combine(DirectoryPath, "cache")));
        foreach (var rest in (byte[][])[[0], new byte[512], "garbage"u8.ToArray(), [0x1f], [0x1f, 0x8b], [0x1f, 0x8b, 8], two[..^1]])
            Assert.Contains("damaged gzip", Refusal("Image.gz", [.. two, .. rest]), StringComparison.Ordinal);
        byte[] wrongLength = [.. two];
        wrongLength[^1] ^= 1;
        Assert.Contains("damaged gzip", Refusal("Image.gz", wrongLength), StringComparison.Ordinal);
        Assert.Equal(kept, Assert.Single(Directory.GetFiles(Path.Combine(DirectoryPath, "cache"))));
    }

    [Fact]
    public void What_turns_out_to_be_no_kernel_is_not_kept()
    {
        Assert.Contains("not a kernel", Refusal("text.gz", KernelFiles.Gzip("Just some text.\n"u8.ToArray())), StringComparison.Ordinal);
        Assert.Contains("cut short", Refusal("Image.gz", KernelFiles.Gzip(KernelFiles.EfiImage()[..5000])), StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(Path.Combine(DirectoryPath, "cache")));
    }

    /// <summary>The boot header's image size counts .bss; the PE header of an EFI stub says how long the file is.</summary>
    [Theory]
    [InlineData(64)]
    [InlineData(0x400)]
    [InlineData(0x1400)]
    public void An_image_cut_anywhere_is_refused(int peOffset)
    {
        var image = KernelFiles.EfiImage(8192, peOffset);
        for (var length = 64; length < image.Length; length += length < 512 ? 1 : 61)
            Assert.Contains("cut short", Refusal("Image", image[..length]), StringComparison.Ordinal);
        Assert.Contains("8192", Refusal("Image", image[..^1]), StringComparison.Ordinal);
        Assert.Equal(8192u + 5000, Open("Image", image).Segments[0].MemorySize);
        // A signature stands behind the end.
        Assert.Equal(10_000u, Open("Image", [.. image, .. new byte[1808]]).Segments[0].FileSize);
    }

    /// <summary>A section of .bss holds nothing of the file, wherever its offset points.</summary>
    [Fact]
    public void A_section_without_content_asks_for_no_file()
    {
        var image = KernelFiles.EfiImage();
        BinaryPrimitives.WriteInt32LittleEndian(image.AsSpan(64 + 24 + 160 + 40 + 16), 0);
        BinaryPrimitives.WriteInt32LittleEndian(image.AsSpan(64 + 24 + 160 + 40 + 20), 0x7fff_f000);
        Assert.Equal(8192u, Open("Image", image).Segments[0].FileSize);
    }

    /// <summary>The limit is on the content, to the byte.</summary>
    [Fact]
    public void No_more_is_unpacked_than_a_limit()
    {
        var packed = Save("packed.gz", KernelFiles.Gzip(new byte[100_000]));
        using var target = File.Create(Path.Combine(DirectoryPath, "content"));
        Assert.True(GzipFile.TryDecompress(packed, target, 100_000));
        Assert.Equal(100_000, target.Length);
        target.SetLength(0);
        Assert.False(GzipFile.TryDecompress(packed, target, 99_999));
    }

    /// <summary>Its banner may lie across the border of two pieces that are looked at, or end with the file.</summary>
    [Fact]
    public void Linux_is_found_wherever_its_banner_is()
    {
        var banner = "Linux version "u8.ToArray();
        for (var at = (1 << 20) - 15; at < (1 << 20) + 2; at++)
            Assert.True(LinuxBanner.IsIn(Save("Image", [.. new byte[at], .. banner])), $"{at}");
        Assert.False(LinuxBanner.IsIn(Save("Image", [.. new byte[(1 << 20) - 5], .. banner[..^1]])));
    }

    [Theory]
    [InlineData(0, 0x6f, 0x10, 0x60, 0x0d, 0x10d6)]
    [InlineData(0, 0x6f, 0x00, 0x90, 0x05, 0x858)]
    [InlineData(4, 0x6f, 0x00, 0x40, 0x05, 0x58)]
    [InlineData(0, 0xa1, 0xa0, 0, 0, 0x48)]
    public void An_image_without_a_pe_header_has_at_least_what_its_first_jump_leads_to(int at, byte b0, byte b1, byte b2, byte b3,
        int target)
    {
        var image = KernelFiles.FlatImage();
        image.AsSpan(0, 8).Clear();
        new byte[] { b0, b1, b2, b3 }.CopyTo(image, at);
        Assert.Contains("cut short", Refusal("Image", image[..Math.Max(64, target)]), StringComparison.Ordinal);
        Assert.Contains("cut short", Refusal("Image", image[..64]), StringComparison.Ordinal);
        Assert.Equal((ulong)target + 1, Open("Image", image[..(target + 1)]).Segments[0].FileSize);
    }

    /// <summary>None of them may be opened: a pipe without a writer would never come back.</summary>
    [Fact]
    public async Task Only_ordinary_files_are_opened()
    {
        var kernel = Save("kernel", KernelFiles.Elf());
        var pipe = Path.Combine(DirectoryPath, "pipe");
        using (var mkfifo = System.Diagnostics.Process.Start("mkfifo", [pipe]))
            await mkfifo.WaitForExitAsync();
        var link = Path.Combine(DirectoryPath, "link");
        File.CreateSymbolicLink(link, pipe);
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        var listener = Path.Combine(DirectoryPath, "socket");
        socket.Bind(new UnixDomainSocketEndPoint(listener));
        (string, string)[] cases =
        [
            (pipe, "pipe"), (link, "pipe"), (listener, "socket"), ("/dev/zero", "device"), ("/proc/version", "/proc"),
            (DirectoryPath, "directory"), ("", "empty"),
        ];
        foreach ((var path, var word) in cases)
        {
            foreach (var options in (MachineOptions[])[new() { KernelPath = path },
                new() { KernelPath = kernel, InitrdPath = path }])
            {
                var refusal =
                    await Assert.ThrowsAsync<MachineConfigurationException>(() => Task.Run(() => Machine.Create(options))
                        .WaitAsync(Guest.Patience));
                Assert.Contains(word, refusal.Message, StringComparison.Ordinal);
                Assert.Contains(path, refusal.Message, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void An_elf_goes_to_its_physical_addresses()
    {
        var kernel = Open("elf", KernelFiles.Elf(entry: 0xffff_ffff_8000_2004, segments:
        [
            (0xffff_ffff_8000_2000, 0x8000_2000, new byte[16], 0x100),
            (0xffff_ffff_8000_0000, 0x8000_0000, new byte[0x1800], 0x1800),
        ]));
        Assert.Equal(KernelFormat.Elf, kernel.Format);
        Assert.Equal(0x8000_2004u, kernel.Entry);
        Assert.Equal([0x8000_0000u, 0x8000_2000u], kernel.Segments.Select(s => s.Address));
        Assert.Equal(0x8000_2100u, kernel.End);
    }

    [Fact]
    public void What_is_no_kernel_is_called_by_its_name()
    {
        var arm = new byte[4096];
        "MZ"u8.CopyTo(arm);
        "ARM\u0064"u8.CopyTo(arm.AsSpan(0x38));
        var x86 = new byte[4096];
        "MZ"u8.CopyTo(x86);
        x86[0x1fe] = 0x55;
        x86[0x1ff] = 0xaa;
        "HdrS"u8.CopyTo(x86.AsSpan(0x202));
        var zboot = new byte[4096];
        "MZ\0\0zimg"u8.CopyTo(zboot);
        Assert.Contains("arm64", Refusal("a", arm), StringComparison.Ordinal);
        Assert.Contains("x86 bzImage", Refusal("b", x86), StringComparison.Ordinal);
        Assert.Contains("zboot", Refusal("c", zboot), StringComparison.Ordinal);
        Assert.Contains("initramfs", Refusal("d", Encoding.ASCII.GetBytes("070701" + new string('0', 200))), StringComparison.Ordinal);
        Assert.Contains("xz", Refusal("e", [0xfd, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0, 0, 4]), StringComparison.Ordinal);
        Assert.Contains("not a kernel", Refusal("f", Encoding.ASCII.GetBytes("#!/bin/sh\necho hello\n")), StringComparison.Ordinal);
        Assert.Contains("arm64", Refusal("g", KernelFiles.Gzip(arm)), StringComparison.Ordinal);
        Assert.Contains("big-endian", Refusal("h", KernelFiles.FlatImage(flags: 1)), StringComparison.Ordinal);
        Assert.Contains("impossible header", Refusal("i", KernelFiles.FlatImage(textOffset: 0x20_0001)), StringComparison.Ordinal);
        Assert.Contains("empty", Refusal("j", []), StringComparison.Ordinal);
    }

    /// <summary>Its header says where the PE header is; that may be anywhere, also in the last bytes that are looked at.</summary>
    [Fact]
    public void An_efi_program_is_called_that_wherever_its_header_is()
    {
        for (uint at = 4096 - 8; at <= 4096; at++)
        {
            var program = new byte[4096];
            "MZ"u8.CopyTo(program);
            BinaryPrimitives.WriteUInt32LittleEndian(program.AsSpan(0x3c), at);
            "PE\0\0"u8[..(int)Math.Min(4, 4096 - at)].CopyTo(program.AsSpan((int)at));
            if (at <= 4096 - 6)
                BinaryPrimitives.WriteUInt16LittleEndian(program.AsSpan((int)at + 4), 0xaa64);
            Assert.Contains(at <= 4096 - 6 ? "EFI program for arm64" : "EFI program without", Refusal("program", program),
                StringComparison.Ordinal);
        }
    }

    [Fact]
    public void An_elf_that_cannot_start_bare_is_refused_with_the_reason()
    {
        Assert.Contains("x86-64", Refusal("a", KernelFiles.Elf(machine: 62)), StringComparison.Ordinal);
        Assert.Contains("arm64", Refusal("b", KernelFiles.Elf(machine: 183)), StringComparison.Ordinal);
        Assert.Contains("position-independent", Refusal("c", KernelFiles.Elf(type: 3)), StringComparison.Ordinal);
        Assert.Contains("no executable", Refusal("d", KernelFiles.Elf(type: 1)), StringComparison.Ordinal);
        var narrow = KernelFiles.Elf();
        narrow[4] = 1;
        Assert.Contains("32-bit", Refusal("e", narrow), StringComparison.Ordinal);
        Assert.Contains("entry point", Refusal("f", KernelFiles.Elf(entry: 0x1234)), StringComparison.Ordinal);
        Assert.Contains("entry point", Refusal("f", KernelFiles.Elf(entry: 0xffff_ffff_8000_0064)), StringComparison.Ordinal);
        Assert.Contains("impossible size",
            Refusal("f", KernelFiles.Elf(segments: [(0x8000_0000, 0x8000_0000, new byte[64], ulong.MaxValue)])),
            StringComparison.Ordinal);
        Assert.Contains("impossible size", Refusal("f", KernelFiles.Elf(segments: [(0x8000_0000, 0x8000_0000, new byte[64], 63)])),
            StringComparison.Ordinal);
        Assert.Contains("cut short", Refusal("g", KernelFiles.Elf()[..150]), StringComparison.Ordinal);
        Assert.Contains("cut short", Refusal("h", KernelFiles.Elf()[..40]), StringComparison.Ordinal);
        Assert.Contains("overlap",
            Refusal("i",
                KernelFiles.Elf(segments: [(0x8000_0000, 0x8000_0000, new byte[64], 64), (0x8000_0020, 0x8000_0020, new byte[64], 64)])),
            StringComparison.Ordinal);
        var dynamic = KernelFiles.Elf();
        dynamic[64] = 3;
        Assert.Contains("dynamic linker", Refusal("j", dynamic), StringComparison.Ordinal);
    }

    /// <summary>Linux's own ELF file, for one, has no other addresses.</summary>
    [Theory]
    [InlineData(0xffff_ffff_8020_0000)]
    [InlineData(0xffff_ffff_ffff_f000)]
    [InlineData(0x0100_0000_0000_0000)]
    public void An_elf_linked_at_a_virtual_address_is_refused_as_that(ulong address)
    {
        var message = Refusal("vmlinux", KernelFiles.Elf(entry: address, segments: [(address, address, new byte[64], 64)]));
        Assert.Contains($"virtual address (0x{address:x})", message, StringComparison.Ordinal);
        Assert.Contains("'Image'", message, StringComparison.Ordinal);
    }

    private static readonly byte[] Mret = [0x73, 0x00, 0x20, 0x30];

    [Fact]
    public void Machine_mode_firmware_is_called_by_its_name()
    {
        byte[] openSbi = [.. new byte[64], .. Mret, .. "\nOpenSBI v%d.%d\n"u8];
        (ulong, ulong, byte[], ulong) segment = (0x8000_0000, 0x8000_0000, openSbi, 4096);
        string[] named =
        [
            Refusal("fw_jump.elf", KernelFiles.Elf(type: 2, entry: 0x8000_0000, segments: segment)),
            Refusal("fw_dynamic.elf", KernelFiles.Elf(type: 3, entry: 0, segments: (0, 0, openSbi, 4096))),
            Refusal("fw_jump.bin", openSbi),
            Refusal("fw_jump.bin.gz", KernelFiles.Gzip(openSbi)),
        ];
        Assert.All(named, m => Assert.Contains("OpenSBI, machine-mode firmware", m, StringComparison.Ordinal));
        Assert.Contains("machine-mode firmware",
            Refusal("other.elf", KernelFiles.Elf(type: 3, entry: 0, segments: (0, 0, [.. new byte[64], .. Mret], 4096))),
            StringComparison.Ordinal);
        Assert.Contains("machine-mode firmware", Refusal("other.bin", [.. new byte[64], .. Mret]), StringComparison.Ordinal);
    }

    /// <summary>A program may speak of OpenSBI, or hold an instruction that it never executes, and is no firmware for that.</summary>
    [Fact]
    public void A_piece_of_firmware_is_no_firmware()
    {
        var banner = "\nOpenSBI %s\n"u8.ToArray();
        foreach (var content in (byte[][])[[.. new byte[64], .. Mret], [.. new byte[64], .. banner],
            [.. new byte[63], .. Mret, .. banner]])
        {
            Assert.Equal(0x8000_0000u,
                Open("own.elf", KernelFiles.Elf(entry: 0x8000_0000, segments: (0x8000_0000, 0x8000_0000, content, 4096))).Entry);
        }
        Assert.Contains("without PIE", Refusal("pie.elf", KernelFiles.Elf(type: 3, entry: 0, segments: (0, 0, new byte[64], 4096))),
            StringComparison.Ordinal);
        Assert.Contains("not a kernel", Refusal("text", [.. new byte[63], .. Mret]), StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData("fw_jump.elf")]
    [InlineData("fw_dynamic.elf")]
    [InlineData("fw_jump.bin")]
    public void Debians_open_sbi_is_recognised(string name)
    {
        var path = Path.Combine("/usr/lib/riscv64-linux-gnu/opensbi/generic", name);
        Skip.IfNot(File.Exists(path), "the package opensbi is not installed");
        var message = Assert.Throws<MachineConfigurationException>(() => KernelFile.Open(path, MemoryMap.Ram)).Message;
        Assert.Contains("OpenSBI, machine-mode firmware", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Missing_files_and_directories_are_named()
    {
        var missing = Path.Combine(DirectoryPath, "nowhere", "Image");
        Assert.Contains(missing, Assert.Throws<MachineConfigurationException>(() => KernelFile.Open(missing, MemoryMap.Ram)).Message,
            StringComparison.Ordinal);
        Assert.Contains("directory",
            Assert.Throws<MachineConfigurationException>(() => KernelFile.Open(DirectoryPath, MemoryMap.Ram)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Damaged_kernels_are_read_or_refused_never_more()
    {
        byte[][] seeds =
            [KernelFiles.FlatImage(4096), KernelFiles.EfiImage(), KernelFiles.Elf(),
                KernelFiles.Elf(
                    segments: [(0x8000_0000, 0x8000_0000, new byte[0x1800], 0x1800), (0x8000_2000, 0x8000_2000, new byte[16], 0x100)])];
        var random = new Random(20261121);
        var read = 0;
        for (var i = 0; i < 30_000; i++)
        {
            var bad = (byte[])seeds[i % seeds.Length].Clone();
            var changes = random.Next(1, 4);
            for (var c = 0; c < changes; c++)
                bad[random.Next(Math.Min(bad.Length, 400))] = random.Next(3) == 0 ? (byte)0xff : (byte)random.Next(256);
            if (random.Next(8) == 0)
                bad = bad[..random.Next(bad.Length)];
            try
            {
                using var source = new MemorySource(bad);
                var kernel = KernelFile.Parse(source, "fuzz", MemoryMap.Ram);
                BootLayout.Plan(kernel, 1 << 20, 4096, MemoryMap.Ram, 64 << 20);
                Assert.All(kernel.Segments,
                    s => Assert.True(s.FileOffset >= 0 && s.FileOffset + (long)s.FileSize <= bad.Length && s.FileSize <= s.MemorySize));
                read++;
            }
            catch (MachineConfigurationException)
            {
            }
        }
        Assert.InRange(read, 1000, 29_000);
    }

    [Fact]
    public void Damaged_gzip_is_read_or_refused_never_more()
    {
        var image = KernelFiles.FlatImage(20_000);
        var packed = KernelFiles.Gzip(image);
        var random = new Random(3);
        var read = 0;
        for (var i = 0; i < 300; i++)
        {
            var bad = (byte[])packed.Clone();
            bad[random.Next(3) == 0 ? random.Next(3, 10) : random.Next(2, bad.Length)] ^= (byte)(1 << random.Next(8));
            var path = Save("fuzz.gz", bad);
            try
            {
                // Flags, time and system in the header are covered by no checksum.
                Assert.Equal(image, File.ReadAllBytes(KernelFile.Open(path, MemoryMap.Ram, Path.Combine(DirectoryPath, "cache")).Path));
                read++;
            }
            catch (MachineConfigurationException)
            {
            }
        }
        Assert.InRange(read, 1, 150);
    }
}
