using Warren.Machines;

namespace Warren;

/// <summary>The kernel's command line.</summary>
internal static class GuestCommandLine
{
    /// <summary>
    /// <c>earlycon=sbi</c> is a console from the first moment on: a kernel that dies before it has found ttyS0 would die in silence.
    /// <c>panic=-1</c> reboots at once on a panic, so that it is noticed; <c>quiet</c> keeps the log, not the panic, off the console, whose
    /// every byte is a device access.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such mode.</exception>
    /// <exception cref="MachineConfigurationException">Something of Warren's own is appended.</exception>
    public static string Compose(MicroVmMode mode, bool verbose, string append)
    {
        var init = mode switch
        {
            MicroVmMode.Command => " warren.mode=agent",
            MicroVmMode.Shell => " warren.mode=shell",
            MicroVmMode.Console => "",
            _ => throw new ArgumentOutOfRangeException(nameof(mode), mode, "A guest is booted for a command, a shell, or its own console."),
        };
        if (mode != MicroVmMode.Console && append.Split(' ')
            .FirstOrDefault(w => w.StartsWith("warren.", StringComparison.Ordinal)) is { } ours)
        {
            throw new MachineConfigurationException(
                $"'{ours}' on the kernel's command line is Warren's own word, which says what the guest is booted for; leave it out.");
        }
        // What the early console says of the time before it is decided by what stands before it.
        var line = $"{(verbose ? "loglevel=7" : "quiet")} earlycon=sbi console=ttyS0 panic=-1{init}";
        return append.Length == 0 ? line : $"{line} {append}";
    }
}
