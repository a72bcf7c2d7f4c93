using System.Security.Cryptography;
using Warren.Machines.Devices;
using Warren.Machines.Scheduling;
using Warren.RiscV;

namespace Warren.Machines.DeviceTree;

/// <summary>
/// The device tree of the board. Shutting down and rebooting are left to SBI SRST, which carries a reason: the finisher is described as
/// a test device, without the syscon nodes that would make Linux prefer it.
/// </summary>
internal static class MachineDeviceTree
{
    private const uint PlicPhandle = 1;
    private const uint FirstInterruptController = 0x10;
    private const uint FirstCpu = 0x80;
    private const uint SupervisorExternal = 9;
    private const uint UartClock = 3_686_400;
    private const int SeedBytes = 64;

    /// <param name="initrdStart">Guest physical address of the initrd.</param>
    /// <param name="initrdSize">Its size in bytes; 0 for none.</param>
    /// <param name="options">What the machine is made of.</param>
    public static byte[] Build(MachineOptions options, ulong initrdStart, ulong initrdSize)
    {
        var root = new FdtNode(string.Empty);
        root.Cells("#address-cells", 2).Cells("#size-cells", 2)
            .Strings("compatible", "warren,virt", "riscv-virtio").Strings("model", "warren,virt");
        AddChosen(root.Add("chosen"), options, initrdStart, initrdSize);
        var aliases = root.Add("aliases");
        for (var i = 0; i < options.Serial.Count; i++)
            aliases.Strings($"serial{i}", $"/soc/{UartNode(i)}");
        root.Add($"memory@{MemoryMap.Ram:x}").Strings("device_type", "memory")
            .Cells64("reg", MemoryMap.Ram, (ulong)options.MemoryBytes);
        AddCpus(root.Add("cpus"), options);
        AddDevices(root.Add("soc"), options);
        return FlattenedDeviceTree.Write(root, bootCpu: 0);
    }

    private static string UartNode(int index) => $"serial@{MemoryMap.Uart(index):x}";

    private static void AddChosen(FdtNode chosen, MachineOptions options, ulong initrdStart, ulong initrdSize)
    {
        chosen.Strings("bootargs", options.CommandLine).Strings("stdout-path", $"/soc/{UartNode(0)}:115200n8");
        if (initrdSize > 0)
            chosen.Cells64("linux,initrd-start", initrdStart).Cells64("linux,initrd-end", initrdStart + initrdSize);
        chosen.Bytes("rng-seed", RandomNumberGenerator.GetBytes(SeedBytes));
    }

    private static void AddCpus(FdtNode cpus, MachineOptions options)
    {
        var hart = options.Hart;
        cpus.Cells("#address-cells", 1).Cells("#size-cells", 0).Cells("timebase-frequency", MachineClock.Frequency);
        string[] extensions = [.. hart.IsaExtensionNames];
        for (uint i = 0; i < options.Cpus; i++)
        {
            var cpu = cpus.Add($"cpu@{i:x}");
            cpu.Strings("device_type", "cpu").Cells("reg", i).Strings("status", "okay").Strings("compatible", "riscv")
                .Strings("riscv,isa", hart.IsaString).Strings("riscv,isa-base", "rv64i").Strings("riscv,isa-extensions", extensions)
                .Strings("mmu-type", MmuType(hart.MaxSatpMode));
            if (extensions.Contains("zicbom"))
                cpu.Cells("riscv,cbom-block-size", HartOptions.CacheBlockSize);
            if (extensions.Contains("zicboz"))
                cpu.Cells("riscv,cboz-block-size", HartOptions.CacheBlockSize);
            cpu.Cells("phandle", FirstCpu + i);
            cpu.Add("interrupt-controller").Cells("#interrupt-cells", 1).Cells("#address-cells", 0).Flag("interrupt-controller")
                .Strings("compatible", "riscv,cpu-intc").Cells("phandle", FirstInterruptController + i);
        }
        var cluster = cpus.Add("cpu-map").Add("cluster0");
        for (uint i = 0; i < options.Cpus; i++)
            cluster.Add($"core{i}").Cells("cpu", FirstCpu + i);
    }

    private static string MmuType(SatpMode mode) => mode switch
    {
        SatpMode.Bare => "riscv,none",
        SatpMode.Sv39 => "riscv,sv39",
        SatpMode.Sv48 => "riscv,sv48",
        _ => "riscv,sv57",
    };

    private static void AddDevices(FdtNode soc, MachineOptions options)
    {
        soc.Cells("#address-cells", 2).Cells("#size-cells", 2).Strings("compatible", "simple-bus").Flag("ranges");
        AddPlic(soc, options.Cpus);
        for (var i = 0; i < options.Serial.Count; i++)
        {
            soc.Add(UartNode(i)).Strings("compatible", "ns16550a").Cells64("reg", MemoryMap.Uart(i), Uart16550.WindowSize)
                .Cells("clock-frequency", UartClock).Cells("interrupt-parent", PlicPhandle)
                .Cells("interrupts", (uint)MemoryMap.UartInterrupt(i));
        }
        soc.Add($"rtc@{MemoryMap.Rtc:x}").Strings("compatible", "google,goldfish-rtc").Cells64("reg", MemoryMap.Rtc, GoldfishRtc.WindowSize)
            .Cells("interrupt-parent", PlicPhandle).Cells("interrupts", MemoryMap.RtcInterrupt);
        soc.Add($"test@{MemoryMap.Finisher:x}").Strings("compatible", "sifive,test1", "sifive,test0")
            .Cells64("reg", MemoryMap.Finisher, TestFinisher.WindowSize);
    }

    private static void AddPlic(FdtNode soc, int harts)
    {
        var contexts = new uint[harts * 2];
        for (var i = 0; i < harts; i++)
        {
            contexts[i * 2] = FirstInterruptController + (uint)i;
            contexts[i * 2 + 1] = SupervisorExternal;
        }
        soc.Add($"plic@{MemoryMap.Plic:x}").Strings("compatible", "sifive,plic-1.0.0", "riscv,plic0")
            .Cells64("reg", MemoryMap.Plic, Plic.WindowSize)
            .Cells("#interrupt-cells", 1).Cells("#address-cells", 0).Flag("interrupt-controller").Cells("riscv,ndev", Plic.LastSource)
            .Cells("interrupts-extended", contexts).Cells("phandle", PlicPhandle);
    }
}
