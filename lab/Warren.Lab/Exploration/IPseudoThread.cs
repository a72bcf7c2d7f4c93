using Warren.Locking;

namespace Warren.Lab;

/// <summary>
/// A transition of the machine that takes part in scheduling like a thread but runs no code of its own: a store buffer that performs its oldest store.
/// Declared with <see cref="Schedule.PseudoThread"/>. All members are called by whoever has the right to run, while all others stand still;
/// their own accesses are not steps.
/// </summary>
public interface IPseudoThread
{
    /// <summary>For traces, for example "store buffer of vcpu0".</summary>
    string Name { get; }

    /// <summary>Whether there is something to do; changes only through steps.</summary>
    bool Enabled { get; }

    /// <summary>What the next <see cref="Step"/> does, for dependence and for traces; asked only while enabled.</summary>
    CheckStep Next { get; }

    /// <summary>Does it.</summary>
    void Step();
}
