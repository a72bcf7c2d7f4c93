using System.Threading;

namespace Warren.Lab;

/// <summary>
/// A pooled OS thread. In each schedule it plays at most one logical thread, whichever is to begin when it is free: the thread that ends a
/// schedule begins the next without any switch. One and no more, since what production code keeps in thread statics belongs to one thread;
/// a scenario whose code keeps nothing there says so (<see cref="Scenario.KeepsStateByThread"/>), and then it goes from one to the next.
/// </summary>
internal sealed class Worker
{
    internal readonly Baton Baton = new();

    /// <summary>Stands for this thread between logical threads, when it builds and checks schedules: always silent.</summary>
    internal readonly Actor Host;

    internal readonly Thread Thread;

    /// <summary>The thread that it plays at the moment.</summary>
    internal Actor Current;

    private const nuint StackBytes = 1 << 20;

    /// <summary>The room above the frame of its first method, which is not told from other memory.</summary>
    private const nuint StackMargin = 128 << 10;

    private nuint _stackTop;

    /// <summary>
    /// The logical thread that it is to play, or plays: on top of those below it on this stack (<see cref="Actor.Below"/>), which go on
    /// only when it has ended.
    /// </summary>
    internal Actor? Actor;

    /// <summary>The last schedule in which it played.</summary>
    internal long Played;

    /// <summary>It has a logical thread that has not ended, or the turn.</summary>
    internal bool Busy;

    internal bool Retired;

    /// <summary>
    /// It was unwound in the middle of something, which may have left its thread statics in any state: it is not used again.
    /// </summary>
    internal bool Dirty;

    internal Worker(int number, Action<Worker> main)
    {
        Host = new Actor(-1) { Muted = true };
        Current = Host;
        Thread = new Thread(() => main(this), (int)(StackBytes + StackMargin)) { IsBackground = true, Name = $"lab {number}" };
        Thread.UnsafeStart();
    }

    /// <summary>Called by its first method, with the address of a local variable.</summary>
    internal void StandsOn(nuint address) => _stackTop = address;

    /// <summary>
    /// True when the variable at the address is one of this thread: tells at less cost than a thread static on which thread code runs.
    /// </summary>
    internal bool Owns(nuint address) => _stackTop - address < StackBytes;
}
