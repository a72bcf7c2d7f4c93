using Warren.Hypervisor;
using Warren.RiscV;

namespace Warren.Cli.Commands;

internal enum StatisticsFormat
{
    None,
    Text,
    Json,
}

/// <summary>The request of <c>warren run</c>.</summary>
internal sealed record RunSettings
{
    public const string SelftestGuest = "selftest";

    public string? Kernel { get; init; }
    public string? Initrd { get; init; }
    public string? Guest { get; init; }
    public string Append { get; init; } = "";

    /// <summary>The kernel's command line, exactly; null for what Warren composes.</summary>
    public string? CommandLine { get; init; }

    public long MemoryBytes { get; init; }
    public int Cpus { get; init; }
    public SatpMode MaxPaging { get; init; }
    public VmOptions Vm { get; init; } = new();
    public TimeSpan? Timeout { get; init; }
    public bool Verbose { get; init; }
    public StatisticsFormat Statistics { get; init; }
    public string? Mirror { get; init; }
    public bool Offline { get; init; }
    public IReadOnlyList<string> Command { get; init; } = [];

    /// <summary>Refuses combinations that mean nothing; ranges are the machine's to check.</summary>
    /// <exception cref="UserErrorException">One sentence.</exception>
    public void Validate()
    {
        if (Guest is not null && (Kernel is not null || Initrd is not null))
            throw new UserErrorException("--guest brings its own kernel; leave out --kernel and --initrd.");
        if (Guest is not null && Command.Count > 0)
            throw new UserErrorException($"The guest '{Guest}' runs no commands; leave out the command.");
        if (CommandLine is not null && Append.Length > 0)
            throw new UserErrorException("--cmdline is the whole command line of the kernel; put what --append says into it.");
        if (CommandLine is not null && Command.Count > 0)
        {
            throw new UserErrorException(
                "--cmdline leaves no room for what Warren's agent needs to run a command; leave that out, or use --append.");
        }
        // What is no UTF-8 has become this character before it got here.
        if ((CommandLine ?? Append).Contains('\uFFFD', StringComparison.Ordinal))
            throw new UserErrorException("The kernel's command line holds bytes that are not UTF-8; take them out.");
        if (Command is ["", ..]) throw new UserErrorException("The command after '--' is empty; name a program in the guest.");
    }
}
