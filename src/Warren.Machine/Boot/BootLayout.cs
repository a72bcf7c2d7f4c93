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
    /// does not hold it all, and <paramref name="beside"/> bytes for the kernel to start in.
    /// </summary>
    public static BootLayout Plan(KernelImage kernel, ulong initrdSize, ulong deviceTreeSize, ulong ramBase, ulong ramSize,
        ulong beside = 0)
    {
        foreach (var s in kernel.Segments)
        {
            if (s.Address < ramBase)
            {
                throw new MachineConfigurationException(
                    $"The kernel '{kernel.Name}' wants to be loaded at 0x{s.Address:x}, where there is no memory; link it for 0x"
                        + $"{ramBase:x} or above.");
            }
        }
        // What no machine can hold is refused before it is calculated with.
        if (kernel.End - ramBase > MachineOptions.MaxMemoryBytes || initrdSize > MachineOptions.MaxMemoryBytes)
            throw TooLarge(kernel, Math.Max(kernel.End - ramBase, initrdSize));
        // Page tables of the kernel's own first mappings are 2 MiB grained: what it must not clobber starts on such a border.
        var at = AlignUp(kernel.End, HugePageSize);
        var initrd = initrdSize > 0 ? at : 0;
        at = AlignUp(at + initrdSize, PageSize);
        if (deviceTreeSize <= HugePageSize && at / HugePageSize != (at + deviceTreeSize - 1) / HugePageSize)
            at = AlignUp(at, HugePageSize);
        var end = AlignUp(at + deviceTreeSize, PageSize);
        var need = end - ramBase + beside;
        return need <= ramSize ? new BootLayout(initrd, initrdSize, at)
            : throw (need <= MachineOptions.MaxMemoryBytes ? TooSmall(kernel, need, ramSize, isWhole: beside > 0) : TooLarge(kernel, need));
    }

    private static MachineConfigurationException TooSmall(KernelImage kernel, ulong need, ulong have, bool isWhole)
    {
        var name = Path.GetFileName(kernel.Name);
        return new MachineConfigurationException(isWhole
            ? $"{have >> 20} MiB of memory is too little for the Linux kernel '{name}' to start in, with its initrd; "
                + $"give the machine at least {Mebibytes(need)} MiB, and more for programs to run in."
            : $"{have >> 20} MiB of memory does not hold the kernel '{name}', its initrd and the device tree; "
                + $"give the machine at least {Mebibytes(need)} MiB, and more for it to run in.");
    }

    private static MachineConfigurationException TooLarge(KernelImage kernel, ulong need) => new(
        $"The kernel '{Path.GetFileName(kernel.Name)}', its initrd and the device tree need {Mebibytes(need)} MiB of memory, and a "
            + $"machine has "
        + $"at most {MachineOptions.MaxMemoryBytes >> 20}; link the kernel lower, or take a smaller initrd.");

    private static ulong Mebibytes(ulong bytes) => AlignUp(bytes, 1 << 20) >> 20;

    private static ulong AlignUp(ulong value, ulong alignment) => (value + alignment - 1) & ~(alignment - 1);
}
