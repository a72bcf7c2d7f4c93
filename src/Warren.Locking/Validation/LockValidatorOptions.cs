namespace Warren.Locking;

/// <summary>How a <see cref="LockValidator"/> behaves.</summary>
public sealed record LockValidatorOptions
{
    /// <summary>
    /// Throw <see cref="LockAssertionException"/>, with the report as its text, at the call that is wrong, before it is done. Otherwise
    /// reports are only collected and the call goes on.
    /// </summary>
    public bool Throw { get; init; }

    /// <summary>
    /// Note where each lock is taken each time, instead of where its chain was first seen: tens of microseconds for every lock, for when a
    /// report leaves open which of several places it was.
    /// </summary>
    public bool ExactSites { get; init; }

    /// <summary>Check every order that is seen against <see cref="LockClass.MayNestIn"/>.</summary>
    public bool DeclaredOrder { get; init; } = true;
}
