namespace Warren;

/// <summary>
/// The base of every exception that Warren throws of its own: who runs guests catches this one. The message is one sentence with the cause
/// and, where there is one, the remedy. Beside it there are the argument exceptions and <see cref="InvalidOperationException"/> of a
/// caller's mistake, and <see cref="OperationCanceledException"/>.
/// </summary>
public abstract class WarrenException : Exception
{
    protected WarrenException()
    {
    }

    protected WarrenException(string message)
        : base(message)
    {
    }

    protected WarrenException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
