namespace Warren;

/// <summary>
/// For an output stream to throw when nobody reads it any more. The guest's command then finds its pipe broken at its next write (SIGPIPE
/// or EPIPE), as in any pipeline; every other exception of a stream ends the run and reaches the caller.
/// </summary>
public sealed class OutputClosedException : IOException
{
    public OutputClosedException()
        : base("Nobody reads this output any more.")
    {
    }

    public OutputClosedException(string message)
        : base(message)
    {
    }

    public OutputClosedException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
