namespace Warren.Lab;

/// <summary>One execution of a scenario: what <see cref="Scenario.Build"/> declares, and what its threads may ask for.</summary>
public sealed class Schedule
{
    private readonly Func<string, int, int> _choose;
    private readonly Action<Verdict> _fail;
    private readonly Action<object, nint, bool>? _depends;
    private VirtualClock? _clock;
    private bool _hasBegun;

    internal Schedule(Func<string, int, int> choose, Action<Verdict> fail, Action<object, nint, bool>? depends = null)
    {
        _depends = depends;
        _choose = choose;
        _fail = fail;
    }

    internal List<(string Name, Action Body, bool IsBackground)> Threads { get; } = [];

    internal List<(string Name, Func<string?> Broken)> Invariants { get; } = [];

    internal List<(string Name, Func<string?> Broken)> EndChecks { get; } = [];

    internal List<StepMonitor> Monitors { get; } = [];

    internal List<Action> Cleanups { get; } = [];

    internal List<IPseudoThread> PseudoThreads { get; } = [];

    internal List<(Func<nint, string?> NameOf, Func<nint, long, string?>? MeaningOf)> NativeNames { get; } = [];

    /// <summary>Declares a controlled thread. It starts with the others once Build has returned.</summary>
    public void Thread(string name, Action body) => Threads.Add((name, body, false));

    /// <summary>
    /// Declares a thread that repeats <paramref name="round"/> for as long as any other thread runs: the environment, such as guests that
    /// fault and notifications that come. It gives way after each round. The schedule ends when all threads declared with
    /// <see cref="Thread"/> have: that they do, under every fair order, is checked.
    /// </summary>
    public void Background(string name, Action round) => Threads.Add((name, round, true));

    /// <summary>
    /// Declares what must hold after every step that writes; the answer is null, or what is broken. Keep it short: it runs often.
    /// </summary>
    public void Invariant(string name, Func<string?> broken) => Invariants.Add((name, broken));

    /// <summary>Declares what must hold when all threads have ended.</summary>
    public void AtEnd(string name, Func<string?> broken) => EndChecks.Add((name, broken));

    public void Monitor(StepMonitor monitor) => Monitors.Add(monitor);

    /// <summary>Declares a transition that takes part in scheduling but is no thread.</summary>
    public void PseudoThread(IPseudoThread pseudo) => PseudoThreads.Add(pseudo);

    /// <summary>The virtual time of this schedule, for code that waits with a deadline: when it passes is a choice of the search.</summary>
    /// <exception cref="InvalidOperationException">It is asked for when the threads run already, not in the build.</exception>
    public VirtualClock Clock => _clock ??= MakeClock();

    /// <summary>
    /// Runs after the schedule, whatever its outcome, last declared first; its steps are not explored. A broken schedule may have left
    /// locks held.
    /// </summary>
    public void Cleanup(Action action) => Cleanups.Add(action);

    /// <summary>
    /// Says what words of native memory are called in traces; null for those it does not know, which go by numbers. Asked while all threads
    /// stand still, as long as the schedule lasts.
    /// </summary>
    /// <param name="nameOf">From an address to a name of its own.</param>
    /// <param name="meaningOf">From a place (its address; 0 for a field of an object) and a value read or written there to what the value
    /// says, such as where it points.</param>
    public void Names(Func<nint, string?> nameOf, Func<nint, long, string?>? meaningOf = null) => NativeNames.Add((nameOf, meaningOf));

    /// <summary>A choice of the environment that the search explores like the order of threads: 0 is tried first.</summary>
    /// <param name="what">For the trace, for example "allocation of the bitmap fails".</param>
    public int Choose(string what, int count) => _choose(what, count);

    /// <summary>True when it happens this time; false is tried first.</summary>
    public bool Choose(string what) => _choose(what, 2) == 1;

    /// <summary>Ends the schedule with a verdict; does not return when called on a controlled thread.</summary>
    public void Fail(VerdictKind kind, string sentence, string details = "") => _fail(new Verdict(kind, sentence, details));

    /// <summary>
    /// Said by a monitor within <see cref="StepMonitor.OnStep"/>: what it sees here, or changes in what it sees elsewhere, is part of the
    /// step. Two steps of which one changes what the other sees are then tried in both orders, although the code itself touches nothing in
    /// common there: a search that leaves out equivalent orders knows only what steps touch.
    /// </summary>
    /// <param name="subject">What is seen: any object, by identity.</param>
    /// <param name="part">Which part of it.</param>
    /// <param name="changes">The step changes it, for the monitor's eyes.</param>
    public void Depends(object subject, long part, bool changes) => _depends?.Invoke(subject, (nint)part, changes);

    /// <summary>The build is over.</summary>
    internal void Begin() => _hasBegun = true;

    private VirtualClock MakeClock()
    {
        if (_hasBegun)
        {
            throw new InvalidOperationException(
                "Schedule.Clock is asked for by a running thread: take it in the scenario's Build, so that time takes part from the "
                    + "beginning.");
        }
        var clock = new VirtualClock();
        PseudoThread(clock);
        return clock;
    }

    internal void Reset()
    {
        _clock = null;
        _hasBegun = false;
        Threads.Clear();
        Invariants.Clear();
        EndChecks.Clear();
        Monitors.Clear();
        Cleanups.Clear();
        PseudoThreads.Clear();
        NativeNames.Clear();
    }
}
