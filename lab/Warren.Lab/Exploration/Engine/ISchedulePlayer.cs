namespace Warren.Lab;

/// <summary>The work of the pooled threads.</summary>
internal interface ISchedulePlayer
{
    /// <summary>Begins the next schedule.</summary>
    /// <returns>Who is next, or -1 when the exploring thread is.</returns>
    int Begin(Worker worker);

    /// <summary>Plays the logical thread to its end.</summary>
    /// <returns>As <see cref="Begin"/>.</returns>
    int Play(Worker worker, Actor actor);
}
