using Warren.Hypervisor;
using Warren.Machines.DeviceTree;

namespace Warren.Machines.Boot;

/// <summary>A machine's kernel, initrd and device tree, and where they go: made, and checked, before anything is allocated.</summary>
internal sealed class BootPlan
{
    private readonly KernelImage _kernel;
    private readonly string? _initrdPath;
    private readonly byte[] _deviceTree;

    private BootPlan(KernelImage kernel, string? initrdPath, byte[] deviceTree, BootLayout layout)
    {
        _kernel = kernel;
        _initrdPath = initrdPath;
        _deviceTree = deviceTree;
        Layout = layout;
    }

    public BootLayout Layout { get; }

    public static BootPlan Make(MachineOptions options, KernelImage kernel)
    {
        KernelCommandLine.CheckLength(options.CommandLine, kernel.Format);
        ulong initrdSize = 0;
        if (options.InitrdPath is { } path)
        {
            using var initrd = ByteSource.OpenFile(path, "initrd");
            initrdSize = (ulong)initrd.Length;
        }
        // The tree names the initrd's address, which does not change the tree's size.
        var size = (ulong)MachineDeviceTree.Build(options, 0, initrdSize).Length;
        var beside = LinuxMemory.LeastBeside(kernel, options.InitrdPath, initrdSize, options);
        var layout = BootLayout.Plan(kernel, initrdSize, size, MemoryMap.Ram, (ulong)options.MemoryBytes, beside);
        return new BootPlan(kernel, options.InitrdPath, MachineDeviceTree.Build(options, layout.Initrd, initrdSize), layout);
    }

    public void Load(GuestMemory memory)
    {
        memory.LoadKernel(_kernel);
        if (_initrdPath is not null)
            memory.LoadFile(_initrdPath, new Gpa(Layout.Initrd), Layout.InitrdSize);
        memory.Write(new Gpa(Layout.DeviceTree), _deviceTree);
    }
}
