using Warren.Locking;

namespace Warren.Lab;

/// <summary>
/// A transition of the machine that takes part in scheduling like a thread but runs no code of its own: a store buffer that performs its
/// oldest store. Declared with <see cref="Schedule.PseudoThread"/>. All members are called by whoever has the right to run, while all
/// others stand still; their own accesses are not steps, unless <see cref="MakesSteps"/> says so.
/// </summary>
public interface IPseudoThread
{
    /// <summary>For traces, for example "store buffer of vcpu0".</summary>
    string Name { get; }

    /// <summary>True when there is something to do; changes only through steps.</summary>
    bool Enabled { get; }

    /// <summary>The operation of the next <see cref="Step"/>, for dependence and for traces; asked only while enabled.</summary>
    CheckStep Next { get; }

    /// <summary>
    /// Its accesses in <see cref="Step"/> are steps, all made in one go as an interrupt makes them, and are what is seen instead of
    /// <see cref="Next"/>.
    /// </summary>
    bool MakesSteps => false;

    /// <summary>Does it.</summary>
    void Step();
}
