using System.Buffers.Binary;
using System.Diagnostics;
using System.Text;
using Warren.Machines.DeviceTree;

namespace Warren.Machines.Tests;

public sealed class FdtTests
{
    private static FdtNode Sample()
    {
        var root = new FdtNode(string.Empty);
        root.Cells("#address-cells", 2).Strings("compatible", "a,b", "c");
        var cpus = root.Add("cpus");
        cpus.Cells("timebase-frequency", 10_000_000);
        cpus.Add("cpu@0").Flag("present").Bytes("odd", [1, 2, 3]).Cells64("reg", 0x1_2345_6789);
        cpus.Add("cpu@1").Strings("status", "okay");
        root.Add("chosen").Strings("bootargs", "console=ttyS0 panic=-1");
        return root;
    }

    [Fact]
    public void What_is_written_is_read_back()
    {
        var blob = FlattenedDeviceTree.Write(Sample(), 3, new FdtReservation(0x8000_0000, 0x1000));
        var root = FdtReader.Read(blob, out var reservations);
        Assert.Equal(new FdtReservation(0x8000_0000, 0x1000), Assert.Single(reservations));
        AssertSame(Sample(), root);
        Assert.Equal(3u, BinaryPrimitives.ReadUInt32BigEndian(blob.AsSpan(28)));
        Assert.Equal(["a,b", "c"], root.StringList("compatible"));
        Assert.Equal(1u, root.At("/cpus/cpu@0")!.Cell("reg"));
        Assert.Equal(0x2345_6789u, root.At("/cpus/cpu@0")!.Cell("reg", 1));
        Assert.Empty(root.At("cpus/cpu@0")!.Find("present")!);
        Assert.Null(root.At("/cpus/cpu@2"));
    }

    /// <summary>The bytes of a tree small enough to check against the specification by hand.</summary>
    [Fact]
    public void The_blob_is_laid_out_as_the_specification_says()
    {
        var root = new FdtNode(string.Empty);
        root.Bytes("p", [0xaa]);
        var blob = FlattenedDeviceTree.Write(root, 0);
        uint[] expected =
        [
            0xd00dfeed, 0x60, 0x38, 0x58, 0x28, 17, 16, 0, 2, 0x20, // header
            0, 0, 0, 0, // end of the reservations
            1, 0, 3, 1, 0, 0xaa000000, 2, 9, // root, "p", end
            0x70000000, 0, // strings, padding
        ];
        Assert.Equal(expected.Length * 4, blob.Length);
        for (var i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], BinaryPrimitives.ReadUInt32BigEndian(blob.AsSpan(i * 4)));
    }

    [Fact]
    public void A_property_name_is_stored_once()
    {
        var root = new FdtNode(string.Empty);
        for (var i = 0; i < 10; i++)
            root.Add($"n{i}").Cells("a-rather-long-name", (uint)i);
        var text = Encoding.Latin1.GetString(FlattenedDeviceTree.Write(root, 0));
        Assert.Equal(text.IndexOf("a-rather-long-name", StringComparison.Ordinal),
            text.LastIndexOf("a-rather-long-name", StringComparison.Ordinal));
    }

    [Fact]
    public void A_damaged_blob_is_refused_or_read_never_more()
    {
        var good = FlattenedDeviceTree.Write(Sample(), 0);
        var random = new Random(20261121);
        var refused = 0;
        for (var i = 0; i < 20_000; i++)
        {
            var bad = (byte[])good.Clone();
            var changes = random.Next(1, 5);
            for (var c = 0; c < changes; c++)
                bad[random.Next(bad.Length)] = (byte)random.Next(256);
            if (random.Next(4) == 0)
                bad = bad[..random.Next(bad.Length)];
            try
            {
                FdtReader.Read(bad);
            }
            catch (FdtFormatException)
            {
                refused++;
            }
        }
        Assert.InRange(refused, 1000, 20_000);
    }

    [SkippableFact]
    public void The_reference_compiler_reads_our_tree()
    {
        Skip.If(!File.Exists("/usr/bin/dtc"), "dtc is not installed");
        var blob = MachineDeviceTree.Build(new MachineOptions { KernelPath = "x", Cpus = 4 }, 0x8400_0000, 12345);
        var path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, blob);
            using var dtc = Process.Start(new ProcessStartInfo("/usr/bin/dtc", $"-I dtb -O dts {path}")
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            var complaints = dtc.StandardError.ReadToEndAsync();
            var source = dtc.StandardOutput.ReadToEnd();
            dtc.WaitForExit();
            Assert.Equal(0, dtc.ExitCode);
            Assert.Contains("cpu@3", source, StringComparison.Ordinal);
            Assert.DoesNotContain("Warning", complaints.Result, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(4, 2)]
    [InlineData(16, 3)]
    public void The_machines_tree_says_what_is_there(int cpus, int uarts)
    {
        var options = new MachineOptions
        {
            KernelPath = "x",
            Cpus = cpus,
            MemoryBytes = 256 << 20,
            CommandLine = "console=ttyS0",
            Serial = [.. Enumerable.Repeat(Serial.SerialOptions.Discard, uarts)],
        };
        var root = FdtReader.Read(MachineDeviceTree.Build(options, 0x8400_0000, 0x1234));
        var chosen = root.At("/chosen")!;
        Assert.Equal(["console=ttyS0"], chosen.StringList("bootargs"));
        Assert.Equal(0x8400_0000u, chosen.Cell("linux,initrd-start", 1));
        Assert.Equal(0x8400_1234u, chosen.Cell("linux,initrd-end", 1));
        Assert.Equal(64, chosen.Find("rng-seed")!.Length);
        Assert.Equal((uint)(256 << 20), root.At("/memory@80000000")!.Cell("reg", 3));
        Assert.Equal(cpus, root.At("/cpus")!.Children.Count(c => c.Name.StartsWith("cpu@", StringComparison.Ordinal)));
        var plic = root.At("/soc/plic@c000000")!;
        Assert.Equal(cpus * 2 * 4, plic.Find("interrupts-extended")!.Length);
        for (var i = 0; i < cpus; i++)
        {
            var cpu = root.At($"/cpus/cpu@{i:x}")!;
            Assert.Equal(cpu.At("interrupt-controller")!.Cell("phandle"), plic.Cell("interrupts-extended", i * 2));
            Assert.Equal(cpu.Cell("phandle"), root.At($"/cpus/cpu-map/cluster0/core{i}")!.Cell("cpu"));
        }
        for (var i = 0; i < uarts; i++)
        {
            var path = Assert.Single(root.At("/aliases")!.StringList($"serial{i}"));
            var uart = root.At(path)!;
            Assert.Equal((uint)MemoryMap.Uart(i), uart.Cell("reg", 1));
            Assert.Equal((uint)MemoryMap.UartInterrupt(i), uart.Cell("interrupts"));
            Assert.Equal(plic.Cell("phandle"), uart.Cell("interrupt-parent"));
        }
        Assert.Null(
            root.At("/soc")!.Children.FirstOrDefault(c => c.Find("compatible") is { } v && Encoding.UTF8.GetString(v)
                .Contains("syscon", StringComparison.Ordinal)));
    }

    private static void AssertSame(FdtNode expected, FdtNode actual)
    {
        Assert.Equal(expected.Name, actual.Name);
        Assert.Equal(expected.Properties.Select(p => (p.Name, Convert.ToHexString(p.Value))),
            actual.Properties.Select(p => (p.Name, Convert.ToHexString(p.Value))));
        Assert.Equal(expected.Children.Count, actual.Children.Count);
        for (var i = 0; i < expected.Children.Count; i++)
            AssertSame(expected.Children[i], actual.Children[i]);
    }
}
