namespace Warren.Locking;

/// <summary>
/// The watcher or driver of every step of every thread: a validator records, a controlled scheduler also decides. One hook serves the whole
/// process and exists only where <see cref="Check.On"/>. The primitives call, for each step: <list type="number">
/// <item><see cref="Before"/>, which may hold the thread back until it is its turn;</item> <item>while the step cannot be done,
/// <see cref="Wait"/>;</item> <item><see cref="After"/> once it is done, on the same thread, with its result.</item> </list> A step between
/// its Before and its After touches nothing but its own primitive. A hook must not throw except to report a violation, which then surfaces
/// at the faulty call, before the step when thrown by Before.
/// </summary>
public abstract class CheckHook
{
    public abstract void Before(in CheckStep step);

    /// <summary>
    /// The step cannot proceed now. A scheduler parks the thread here, runs others, and returns true to have the step
    /// tried again. False: the primitive waits in its native way (and may then block the OS thread).
    /// </summary>
    public abstract bool Wait(in CheckStep step);

    /// <param name="step">The step, with its result in <see cref="CheckStep.Value"/>.</param>
    /// <param name="succeeded">False for a try that failed, a wake-up that found nobody, a compare-exchange that lost.</param>
    public abstract void After(in CheckStep step, bool succeeded);

    /// <summary>
    /// Work that a primitive would hand to another thread (SRCU callbacks). True: the hook runs it later, on a thread of
    /// its choice, never on this one within this call. False: the thread pool runs it.
    /// </summary>
    public abstract bool Offload(Action work);

    /// <summary>
    /// True when stores may be buffered in this process now: nobody makes a <see cref="PendingStore"/> where they may not.
    /// </summary>
    public virtual bool BuffersStores => false;

    /// <summary>
    /// Asked between Before and After of a step whose store a processor may keep in its store buffer (x86-TSO). True: the hook has taken
    /// the store and performs it later, after all it took from this thread before. False: the primitive performs it now.
    /// </summary>
    public virtual bool TryBuffer(in PendingStore store) => false;

    /// <summary>
    /// Asked for a load: a thread sees its own pending stores. True: <paramref name="store"/> is the newest of them to exactly this place.
    /// A pending store that overlaps the place otherwise is performed before this returns false.
    /// </summary>
    /// <param name="owner">As <see cref="PendingStore.Owner"/>.</param>
    /// <param name="offset">As <see cref="PendingStore.Offset"/>.</param>
    /// <param name="size">As <see cref="PendingStore.Size"/>.</param>
    /// <param name="store">The pending store.</param>
    public virtual bool TryForward(object? owner, nint offset, int size, out PendingStore store)
    {
        store = default;
        return false;
    }

    /// <summary>Performs every pending store of this thread: at a full fence in the middle of a step.</summary>
    public virtual void PerformPending()
    {
    }
}
