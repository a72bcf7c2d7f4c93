namespace Warren.Hypervisor.Vcpus;

/// <summary>Why the host cannot go on with a VM: one sentence each, for a user.</summary>
internal static class VmErrors
{
    public const string OutOfMemory =
        "The host could not give the guest a page: its memory budget or the host's memory is used up. Give the VM a larger budget, or "
        + "less guest memory.";
    public const string OutOfTables = "The host has no memory left for the VM's page tables.";
    public const string IoError = "A file that backs guest memory could not be read, or ends before the page.";
    public const string NotWritable =
        "The host's memory manager resolved a write fault without making the page writable; this is a bug of Warren.";
    public const string FrameChanged = "The host's memory manager replaced a page without telling the VM; this is a bug of Warren.";
    public const string RmapLost = "A page of the guest was mapped without a reverse map to find the mapping by; this is a bug of Warren.";
}

/// <summary>That the host cannot go on with a VM.</summary>
/// <param name="Reason">one sentence, for a user</param>
/// <param name="Cause">what was thrown, if that is why</param>
internal sealed record VmError(string Reason, Exception? Cause);
