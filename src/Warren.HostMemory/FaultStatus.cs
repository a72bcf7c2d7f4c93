namespace Warren.HostMemory;

/// <summary>How a fault ended.</summary>
public enum FaultStatus
{
    Ok,

    /// <summary>Nothing is mapped there (EFAULT).</summary>
    NoVma,

    /// <summary>The mapping does not allow the access (EFAULT).</summary>
    Protection,

    /// <summary>The pool or the budget is exhausted.</summary>
    OutOfMemory,

    /// <summary>The file behind the mapping cannot be read there, or ends before the page (SIGBUS).</summary>
    IoError,
}
