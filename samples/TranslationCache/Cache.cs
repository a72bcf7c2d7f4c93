using Warren.Locking;

namespace TranslationCache;

/// <summary>
/// One cached translation. Users take no lock: they count themselves, use the frame, and leave. Whoever takes the frame away forgets the
/// translation, waits until there are no users, and frees the frame.
/// </summary>
public abstract class Cache(Frame frame)
{
    private protected Frame? Cached = frame;
    private protected int Users;

    /// <summary>
    /// The frame, to be used until <see cref="Leave"/>; null when the translation is gone (then there is nothing to leave).
    /// </summary>
    public abstract Frame? Enter();

    public void Leave() => Atomics.Decrement(ref Users, this);

    /// <summary>Returns when nobody uses the frame and nobody can begin to.</summary>
    public virtual void Invalidate()
    {
        Atomics.Write(ref Cached, null, this);
        WaitForUsers();
    }

    private protected void WaitForUsers()
    {
        var spin = default(SpinState);
        while (Atomics.Read(ref Users, this) != 0)
            Cpu.Relax(ref spin);
    }
}

/// <summary>Looks, then counts: the frame can go in between.</summary>
public sealed class LookThenCount(Frame frame) : Cache(frame)
{
    public override Frame? Enter()
    {
        var frame = Atomics.Read(ref Cached, this);
        if (frame is not null)
            Atomics.Increment(ref Users, this);
        return frame;
    }
}

/// <summary>
/// Counts, then looks. Right if stores were seen at once; yet the store of null may still be on its way when the count is read.
/// </summary>
public class CountThenLook(Frame frame) : Cache(frame)
{
    public override Frame? Enter()
    {
        Atomics.Increment(ref Users, this);
        var frame = Atomics.Read(ref Cached, this);
        if (frame is null)
            Leave();
        return frame;
    }
}

/// <summary>Counts, then looks, and the store of null is seen by all before the count is read.</summary>
public sealed class CountThenLookFenced(Frame frame) : CountThenLook(frame)
{
    public override void Invalidate()
    {
        Atomics.Exchange(ref Cached, null, this);
        WaitForUsers();
    }
}
