using Warren.Lab;

namespace TranslationCache;

/// <summary>The scenarios that <c>warren lab run --assembly TranslationCache.dll</c> finds here.</summary>
public static class Scenarios
{
    public static IEnumerable<Scenario> All { get; } =
    [
        new DelegateScenario("look-then-count", "A user enters while the translation is taken away; users look, then count.",
            s => UseAgainstInvalidate(s, frame => new LookThenCount(frame))),
        new DelegateScenario("count-then-look", "The same; users count, then look.",
            s => UseAgainstInvalidate(s, frame => new CountThenLook(frame))),
        new DelegateScenario("count-then-look-fenced", "The same, and the invalidation fences its store.",
            s => UseAgainstInvalidate(s, frame => new CountThenLookFenced(frame))),
    ];

    private static void UseAgainstInvalidate(Schedule schedule, Func<Frame, Cache> make)
    {
        var frame = new Frame();
        var cache = make(frame);
        schedule.Thread("user", () =>
        {
            if (cache.Enter() is not { } used)
                return;
            if (used.IsFreed)
                schedule.Fail(VerdictKind.UseAfterFree, "The user has entered and finds its frame freed.");
            cache.Leave();
        });
        schedule.Thread("invalidator", () =>
        {
            cache.Invalidate();
            frame.Free();
        });
    }
}
