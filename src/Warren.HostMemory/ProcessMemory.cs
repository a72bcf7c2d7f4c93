namespace Warren.HostMemory;

/// <summary>
/// The budget of all guests of this process that have none of their own: what its control group leaves when the first one is made, less
/// what Warren needs itself. Guest memory is committed as it is touched, so a guest may be given more than that; it ends with an error of
/// its own when it touches more, where otherwise the host would kill the process, and all its guests.
/// </summary>
public static class ProcessMemory
{
    /// <summary>
    /// Memory that a process takes beyond what is charged to budgets, in bytes, from before its first guest is made: decoded code, page
    /// tables, the runtime's own heap (40 MB), and the pages of kernel and initrd that no guest has written, which are nobody's (32 MB for
    /// Debian's).
    /// </summary>
    public const long OwnNeed = 72L << 20;

    private static readonly Lazy<MemoryBudget?> s_budget = new(() => Make(ControlGroups.FindMemoryLimit()));

    /// <summary>The budget; null where no control group sets a limit.</summary>
    /// <exception cref="OutOfBudgetException">The limit leaves guests nothing at all.</exception>
    public static MemoryBudget? Budget => s_budget.Value;

    internal static MemoryBudget? Make(ControlGroupLimit? found)
    {
        if (found is not { } limit)
            return null;
        if (limit.Left <= OwnNeed)
        {
            throw new OutOfBudgetException(
                $"the control group of this process leaves it {limit.Left >> 20} MiB of memory ({limit.File} is {limit.Limit >> 20} MiB), "
                    + $"and Warren needs {OwnNeed >> 20} MiB beside a guest's; raise that limit.");
        }

        return new MemoryBudget(limit.Left - OwnNeed, $"{limit.File}, which is {limit.Limit >> 20} MiB");
    }
}
