namespace Warren.HostMemory;

/// <summary>A request to host memory that cannot be met; the message says why and what would help.</summary>
public class HostMemoryException : WarrenException
{
    public HostMemoryException()
    {
    }

    public HostMemoryException(string message)
        : base(message)
    {
    }

    public HostMemoryException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    public HostMemoryException(Errno errno, string message, Exception? innerException = null)
        : base($"{errno}: {message}", innerException)
    {
        Errno = errno;
    }

    public Errno Errno { get; }
}

/// <summary>The host refuses the address space for guest memory; the message names the limit that stands in the way.</summary>
public sealed class ReservationException : HostMemoryException
{
    public ReservationException()
    {
    }

    public ReservationException(string message)
        : base(Errno.ENOMEM, message)
    {
    }

    public ReservationException(string message, Exception innerException)
        : base(Errno.ENOMEM, message, innerException)
    {
    }

    internal ReservationException(nuint bytes, string message)
        : base(Errno.ENOMEM, message) => Bytes = (long)bytes;

    /// <summary>The size asked for, in bytes.</summary>
    public long Bytes { get; }
}

/// <summary>The frame pool is exhausted.</summary>
public sealed class OutOfFramesException : HostMemoryException
{
    public OutOfFramesException()
        : base(Errno.ENOMEM, "every page frame of the pool is in use; create the pool with more bytes or run fewer machines.")
    {
    }

    public OutOfFramesException(string message)
        : base(Errno.ENOMEM, message)
    {
    }

    public OutOfFramesException(string message, Exception innerException)
        : base(Errno.ENOMEM, message, innerException)
    {
    }
}

/// <summary>A <see cref="MemoryBudget"/> is used up.</summary>
public sealed class OutOfBudgetException : HostMemoryException
{
    public OutOfBudgetException()
        : base(Errno.ENOMEM, "the memory budget is used up; raise it or give the machine less memory.")
    {
    }

    public OutOfBudgetException(string message)
        : base(Errno.ENOMEM, message)
    {
    }

    public OutOfBudgetException(string message, Exception innerException)
        : base(Errno.ENOMEM, message, innerException)
    {
    }

    public OutOfBudgetException(MemoryBudget budget)
        : base(Errno.ENOMEM, $"the memory budget of {budget?.Limit} bytes is used up; raise it or give the machine less memory.")
    {
    }
}
