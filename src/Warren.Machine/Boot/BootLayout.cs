namespace Warren.Machines.Boot;

/// <summary>
/// Where everything lies in guest physical memory before the first instruction: kernel, then initrd, then the device tree, none
/// overlapping, all inside of RAM.
/// </summary>
/// <param name="Initrd">First address of the initrd, page aligned; 0 with <paramref name="InitrdSize"/> 0 when there is none.</param>
/// <param name="InitrdSize">In bytes.</param>
/// <param name="DeviceTree">Address of the device tree blob, page aligned, and not crossing a 2 MiB boundary when it fits in one.</param>
internal readonly record struct BootLayout(ulong Initrd, ulong InitrdSize, ulong DeviceTree)
{
    private const ulong PageSize = 4096;
    private const ulong HugePageSize = 2 << 20;

    /// <summary>
    /// Throws <see cref="MachineConfigurationException"/> when RAM of <paramref name="ramSize"/> bytes from <paramref name="ramBase"/>
    /// does not hold it all.
    /// </summary>
    public static BootLayout Plan(KernelImage kernel, ulong initrdSize, ulong deviceTreeSize, ulong ramBase, ulong ramSize)
    {
        foreach (KernelSegment s in kernel.Segments)
        {
            if (s.Address < ramBase)
            {
                throw new MachineConfigurationException(
                    $"The kernel '{kernel.Name}' wants to be loaded at 0x{s.Address:x}, where there is no memory; link it for 0x{ramBase:x} or above.");
            }
            if (s.End - ramBase > ramSize)
                throw TooSmall(kernel, s.End - ramBase, ramSize);
        }
        // Page tables of the kernel's own first mappings are 2 MiB grained: what it must not clobber starts on such a border.
        ulong at = AlignUp(kernel.End, HugePageSize);
        ulong initrd = initrdSize > 0 ? at : 0;
        at = AlignUp(at + initrdSize, PageSize);
        if (deviceTreeSize <= HugePageSize && at / HugePageSize != (at + deviceTreeSize - 1) / HugePageSize)
            at = AlignUp(at, HugePageSize);
        ulong end = AlignUp(at + deviceTreeSize, PageSize);
        return end - ramBase <= ramSize ? new BootLayout(initrd, initrdSize, at) : throw TooSmall(kernel, end - ramBase, ramSize);
    }

    private static MachineConfigurationException TooSmall(KernelImage kernel, ulong need, ulong have)
    {
        ulong needed = AlignUp(need, HugePageSize) >> 20;
        return new MachineConfigurationException(
            $"{have >> 20} MiB of memory does not hold the kernel '{Path.GetFileName(kernel.Name)}', its initrd and the device tree; give the machine at least {needed} MiB, and more for it to run in.");
    }

    private static ulong AlignUp(ulong value, ulong alignment) => (value + alignment - 1) & ~(alignment - 1);
}
