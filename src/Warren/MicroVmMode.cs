namespace Warren;

/// <summary>The purpose of a boot, which Warren's own init (guest/init) reads from the kernel's command line.</summary>
public enum MicroVmMode
{
    /// <summary>Warren's init runs one command for the host: <see cref="MicroVm.ExecAsync"/>.</summary>
    Command,

    /// <summary>Warren's init runs an interactive shell on the console: <see cref="MicroVm.RunShellAsync"/>.</summary>
    Shell,

    /// <summary>A system of the caller's own, which has a console and nothing of Warren's: <see cref="MicroVm.RunAsync"/>.</summary>
    Console,
}
