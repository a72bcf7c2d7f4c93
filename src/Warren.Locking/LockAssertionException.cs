namespace Warren.Locking;

/// <summary>A lock was not held as the code requires, or was released by someone who does not hold it: a defect of Warren.</summary>
public sealed class LockAssertionException : WarrenException
{
    public LockAssertionException()
    {
    }

    public LockAssertionException(string message)
        : base(message)
    {
    }

    public LockAssertionException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    internal LockAssertionException(LockClass lockClass, string what)
        : base($"{lockClass.Name}: {what}")
    {
    }
}
