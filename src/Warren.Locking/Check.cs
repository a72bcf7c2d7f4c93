using System.Runtime.CompilerServices;

namespace Warren.Locking;

/// <summary>
/// The gate of the hook points. <see cref="On"/> is read once, from the AppContext switch <c>Warren.Check</c>
/// (<c>runtimeconfig.json</c>, or <see cref="AppContext.SetSwitch"/> before the first lock is touched). It is static
/// readonly and this type has no explicit static constructor, so tier-1 code contains neither the test nor the call when
/// it is off; <c>ZeroCostTests</c> reads the disassembly.
/// </summary>
public static class Check
{
    /// <summary>True when the steps of locks, grace periods, waits and pseudo-locks are reported to <see cref="Hook"/>.</summary>
    public static readonly bool On = IsSet("Warren.Check") || IsSet("Warren.Check.Steps");

    /// <summary>
    /// True when also every access of <see cref="Atomics"/> and <see cref="Shared"/>, every fence, relax and mark is, as an explorer needs
    /// and a validator of a whole boot cannot afford: the switch <c>Warren.Check.Steps</c>, which implies <see cref="On"/>.
    /// </summary>
    public static readonly bool Steps = IsSet("Warren.Check.Steps");

#if DEBUG
    internal static readonly bool TrackOwners = true;
#else
    /// <summary>Locks remember their exclusive owner, so that assertions mean this thread and not just anyone.</summary>
    internal static readonly bool TrackOwners = On;
#endif

    private static CheckHook s_hook = new Silent();

    /// <summary>The installed hook; one that does nothing until <see cref="Install"/>.</summary>
    public static CheckHook Hook => s_hook;

    /// <summary>Installs the hook and returns the one before. Call it while no other thread is inside a primitive.</summary>
    /// <exception cref="InvalidOperationException">The switch <c>Warren.Check</c> is off in this process.</exception>
    public static CheckHook Install(CheckHook hook)
    {
        ArgumentNullException.ThrowIfNull(hook);
        if (!On)
            throw new InvalidOperationException("Checking is off: set the AppContext switch Warren.Check before the first lock is used.");
        return System.Threading.Interlocked.Exchange(ref s_hook, hook);
    }

    /// <summary>States that the caller may wait here as <paramref name="context"/> says, whatever it does this time.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void MightWait(WaitContext context)
    {
        if (On)
            Point(new CheckStep(CheckOperation.MightWait, LockMode.None, null, null, context: context));
    }

    /// <summary>States that this thread holds no lock here: on guest entry, API return, the end of a thread.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AssertNoneHeld()
    {
        if (On)
            Point(new CheckStep(CheckOperation.AssertNoneHeld, LockMode.None, null, null));
    }

    /// <summary>
    /// A call of an API that gives back every lock it takes, on success and on every error: at the end of the scope this thread must hold
    /// what it held at its beginning. Use it as <c>using var balance = Check.Balanced();</c>; nothing is left of it when checking is off.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static BalanceScope Balanced()
    {
        if (On)
            Point(new CheckStep(CheckOperation.ScopeEnter, LockMode.None, null, null));
        return default;
    }

    /// <summary>
    /// Tells the hook of an event of the layer above, for the oracles of an explorer: nothing when <see cref="Steps"/> is off.
    /// </summary>
    /// <param name="mark">What happened: a static object of the layer that tells.</param>
    /// <param name="subject">To what.</param>
    /// <param name="first">Reported as <see cref="CheckStep.Offset"/>.</param>
    /// <param name="second">Reported as <see cref="CheckStep.Value"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Mark(CheckMark mark, object? subject, long first = 0, long second = 0)
    {
        if (Steps)
            Point(new CheckStep(mark, subject, first, second));
    }

    private static bool IsSet(string name) => AppContext.TryGetSwitch(name, out var on) && on;

    /// <summary>A step that always succeeds and changes nothing.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void Point(in CheckStep step)
    {
        s_hook.Before(step);
        s_hook.After(step, true);
    }

    /// <summary>See <see cref="Balanced"/>.</summary>
    public readonly ref struct BalanceScope
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        [System.Diagnostics.CodeAnalysis.SuppressMessage("Performance", "CA1822",
            Justification = "A using statement calls it on the instance.")]
        public void Dispose()
        {
            if (On)
                Point(new CheckStep(CheckOperation.ScopeLeave, LockMode.None, null, null));
        }
    }

    private sealed class Silent : CheckHook
    {
        public override void Before(in CheckStep step)
        {
        }

        public override bool Wait(in CheckStep step) => false;

        public override void After(in CheckStep step, bool succeeded)
        {
        }

        public override bool Offload(Action work) => false;
    }
}
