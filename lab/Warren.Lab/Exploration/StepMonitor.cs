using Warren.Locking;

namespace Warren.Lab;

/// <summary>
/// Watches the steps of one schedule: an oracle. Called on the stepping thread while all others stand still; its own accesses are not
/// steps. Reports with <see cref="Schedule.Fail(VerdictKind, string, string)"/>.
/// </summary>
public abstract class StepMonitor
{
    /// <summary>The thread has been chosen and is about to make the step, which may still have to wait.</summary>
    public virtual void OnBefore(int thread, in CheckStep step)
    {
    }

    /// <summary>After each step of a controlled thread.</summary>
    /// <param name="thread">Index of the thread.</param>
    public abstract void OnStep(int thread, in CheckStep step, bool succeeded);

    /// <summary>All threads have ended without a verdict.</summary>
    public virtual void OnEnd()
    {
    }
}
