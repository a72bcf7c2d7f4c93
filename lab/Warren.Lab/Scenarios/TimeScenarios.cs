using Warren.Locking;

namespace Warren.Lab;

/// <summary>Waits with a deadline: that it passes is a choice of the search, at any moment.</summary>
internal static class TimeScenarios
{
    private const int Pending = 0;
    private const int Answered = 1;
    private const int Withdrawn = 2;

    private static readonly LockClass WaitClass = new("lab_timed_wait", WaitContext.Sleep);
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(30);

    public static IEnumerable<Scenario> All =>
    [
        new DelegateScenario("timed-wait", "A sleeper gives up when its time-out comes, while another answers it.", s =>
        {
            var wait = new RcuWait(WaitClass);
            var request = new Cell(Pending);
            var clock = s.Clock;
            var (answered, gaveUp) = (false, false);
            s.Thread("asks", () =>
            {
                wait.Prepare();
                var timeout = clock.Start(Patience, () => wait.WakeUp());
                while (request.Value == Pending && !timeout.HasExpired)
                    wait.Wait();
                timeout.Stop();
                wait.Finish();
                gaveUp = request.Exchange(Withdrawn, Pending) == Pending;
            });
            s.Thread("answers", () =>
            {
                answered = request.Exchange(Answered, Pending) == Pending;
                if (answered)
                    wait.WakeUp();
            });
            s.AtEnd("a request is answered or withdrawn, one of the two",
                () => answered != gaveUp ? null : answered ? "it was answered, and withdrawn" : "neither answered nor withdrawn");
        },
        """
        The sleeper is prepared before it sets its timer and looks at its request; answer and time-out each say first what they are, and
        wake it then. Whichever comes first, the sleeper wakes up; and since it withdraws its request by an exchange, an answer that comes
        with the time-out is not lost.
        """),
        new DelegateScenario("wait-with-tick", "A sleeper is woken by a timer for other work, and sleeps on until it is answered.", s =>
        {
            var wait = new RcuWait(WaitClass);
            var request = new Cell(Pending);
            var clock = s.Clock;
            s.Thread("asks", () =>
            {
                wait.Prepare();
                var tick = clock.Start(Patience, () => wait.WakeUp());
                while (request.Value == Pending)
                    wait.Wait();
                tick.Stop();
                wait.Finish();
            });
            s.Thread("answers", () =>
            {
                request.Value = Answered;
                wait.WakeUp();
            });
        },
        "A sleeper that is woken for nothing stays one who can be woken: the answer after a tick reaches it like one before."),
    ];
}
