using System.Threading;

namespace Warren.Lab;

/// <summary>
/// A pooled OS thread. In each schedule it plays at most one logical thread, whichever is to begin when it is free: the thread that ends a schedule begins the
/// next without any switch. One and no more, since what production code keeps in thread statics belongs to one thread; a scenario whose code keeps nothing there
/// says so (<see cref="Scenario.KeepsStateByThread"/>), and then it goes from one to the next.
/// </summary>
internal sealed class Worker
{
    internal readonly Baton Baton = new();

    /// <summary>Stands for this thread between logical threads, when it builds and checks schedules: always silent.</summary>
    internal readonly Actor Host;

    internal readonly Thread Thread;

    /// <summary>The logical thread that it is to play, or plays.</summary>
    internal Actor? Actor;

    /// <summary>The last schedule in which it played.</summary>
    internal long Played;

    /// <summary>Its place among the pooled threads; on the exploring thread it may change while all are idle.</summary>
    internal int Number;

    /// <summary>It has a logical thread that has not ended, or the turn.</summary>
    internal bool Busy;

    internal bool Retired;

    /// <summary>It was unwound in the middle of something, which may have left its thread statics in any state: it is not used again.</summary>
    internal bool Dirty;

    internal Worker(Engine engine, int number, Action<Worker> main)
    {
        Number = number;
        Host = new Actor(engine, -1) { Muted = true };
        Thread = new Thread(() => main(this), 1 << 20) { IsBackground = true, Name = $"lab {number}" };
        Thread.UnsafeStart();
    }
}
