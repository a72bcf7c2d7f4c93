using System.Globalization;

namespace Warren.Hypervisor.Audit;

/// <summary>The result of an audit of a VM's page tables: what was compared, and what was not as it must be.</summary>
/// <param name="Tables">tables looked at</param>
/// <param name="Entries">entries compared, empty ones not counted</param>
/// <param name="Stale">entries that differ from the guest's table and may, until the guest's next fence</param>
/// <param name="Skipped">entries and tables that could not be compared without sleeping</param>
/// <param name="Findings">what is wrong, a sentence each with place, what was expected and what was found; the first ones</param>
public sealed record AuditReport(long Tables, long Entries, long Stale, long Skipped, IReadOnlyList<string> Findings)
{
    public bool IsClean => Findings.Count == 0;

    public override string ToString() => IsClean
        ? string.Create(CultureInfo.InvariantCulture,
            $"{Entries} entries of {Tables} page tables are as they must be ({Stale} await the guest's fence, {Skipped} could not be "
                + $"compared).")
        : $"The page tables of the VM are wrong; this is a bug of Warren. {string.Join(" ", Findings)}";
}

/// <summary>An audit found something, and there is no guest any more that could be stopped for it.</summary>
public sealed class AuditException : WarrenException
{
    public AuditException()
    {
    }

    public AuditException(string message)
        : base(message)
    {
    }

    public AuditException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
