using System.Threading;

namespace Warren.Lab;

/// <summary>
/// A pooled OS thread. It plays one logical thread after the other, whichever is to begin when it is free, so that a thread that ends hands over to one
/// that begins without any switch.
/// </summary>
internal sealed class Worker
{
    internal readonly Baton Baton = new();

    /// <summary>Stands for this thread between logical threads, when it builds and checks schedules: always silent.</summary>
    internal readonly Actor Host;

    internal readonly Thread Thread;

    /// <summary>The logical thread that it is to play, or plays.</summary>
    internal Actor? Actor;

    internal bool Retired;

    /// <summary>It was unwound in the middle of something, which may have left its thread statics in any state: it is not used again.</summary>
    internal bool Dirty;

    internal Worker(Engine engine, int number, Action<Worker> main)
    {
        Host = new Actor(engine, -1) { Muted = true };
        Thread = new Thread(() => main(this), 1 << 20) { IsBackground = true, Name = $"lab {number}" };
        Thread.UnsafeStart();
    }
}
