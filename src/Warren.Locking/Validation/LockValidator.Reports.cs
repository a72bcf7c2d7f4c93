using System.Threading;

namespace Warren.Locking;

/// <summary>Making reports, and telling each distinct violation once.</summary>
public sealed partial class LockValidator
{
    private readonly List<LockReport> _reports = [];
    private readonly HashSet<string> _told = [];

    /// <summary>
    /// Raised on the thread at fault, at the faulty call, for each new report. Lock operations of the handler are not validated.
    /// </summary>
    public event Action<LockReport>? Reported;

    /// <summary>All distinct violations so far, oldest first; a snapshot.</summary>
    public IReadOnlyList<LockReport> Reports
    {
        get
        {
            lock (_lock)
                return _reports.ToArray();
        }
    }

    private static string Names(List<string> names) =>
        string.Join(" --> ", names.Count <= 12 ? names : [.. names.Take(6), $"({names.Count - 8} more)", .. names.TakeLast(2)]);

    private static LockReportEdge EdgeOf(PathStep step) =>
        new(step.Dependency.From.Name, step.Dependency.To.Name, step.Sighting.Kind, step.Sighting.Holder,
        step.Sighting.HolderSite.Lines, step.Sighting.Waiter, step.Sighting.WaiterShared, step.Sighting.WaiterSite.Lines);

    private static LockReportLock LockOf(in Acquisition how, LockSite site) =>
        new(how.Class.Name, how.Call, how.Form == AcquireForm.Sync ? how.Context : how.Class.Context, how.Inner, site.Lines);

    private static string ThreadName()
    {
        var thread = Thread.CurrentThread;
        return $"{(string.IsNullOrEmpty(thread.Name) ? "thread" : thread.Name)}/{thread.ManagedThreadId}";
    }

    private void Circle(PathStep step, List<PathStep> path, HeldLocks held, Acquisition? how, LockSite? site, int culprit,
        List<HashSet<LockClass>> before, List<LockReport> reports)
    {
        step.Dependency.IsViolating = true;
        List<PathStep> all = [step, .. path];
        var classes = all.Select(s => s.Dependency.From).ToHashSet();
        // One acquisition that reverses an order also reverses what that order is part of: the short circle says it all.
        if (before.Exists(classes.IsSupersetOf))
            return;
        before.Add(classes);
        var sentence =
            $"{step.Dependency.To.Name} is taken inside {step.Dependency.From.Name}, yet "
            + $"{Names([.. path.Select(s => s.Dependency.From.Name), step.Dependency.From.Name])} was seen: a circle that can deadlock.";
        // The same circle in another mode of its links, or closed at another link, is the same defect.
        var key = $"cycle {string.Join(',', classes.Select(c => c.Id).Order())}";
        Add(reports, key, new LockReport
        {
            Kind = LockReportKind.Cycle,
            Sentence = sentence,
            Thread = ThreadName(),
            Wanted = how is { } wanted ? LockOf(wanted, site!) : null,
            Held = HeldOf(held),
            Culprit = culprit,
            Edges = [.. all.Select(EdgeOf)],
            Stack = (site ?? LockSite.Capture()).Lines,
        });
    }

    private void Undeclared(PathStep step, HeldLocks held, in Acquisition how, LockSite site, int culprit, List<LockReport> reports)
    {
        step.Dependency.IsViolating = true;
        var (outer, inner) = (step.Dependency.From, step.Dependency.To);
        Add(reports,
            $"order {outer.Root.Id} {inner.Root.Id} {(outer.Root == inner.Root ? $"{outer.SubclassNumber} {inner.SubclassNumber}" : "")}",
            new LockReport
            {
                Kind = LockReportKind.UndeclaredOrder,
                Sentence = $"{inner.Name} is taken inside {outer.Name}, which its declaration does not allow; it names "
                + $"{(inner.MayNestIn.Count == 0 ? "no class" : string.Join(", ", inner.MayNestIn))}.",
                Thread = ThreadName(),
                Wanted = LockOf(how, site),
                Held = HeldOf(held),
                Culprit = culprit,
                Edges = [EdgeOf(step)],
                Stack = site.Lines,
            });
    }

    private void ReportContext(HeldLocks held, in Acquisition how)
    {
        var culprit = Limiting(held, how.Context);
        var other = held.Locks[culprit].How;
        Tell(held, $"context {other.Class.Id} {how.Class.Id} {how.Form}", how, culprit, LockReportKind.Context,
            $"{how.Call} may {WaitWord(how.Context)}, but {other.Class.Name} is held, whose holder may {MayWord(other.Inner)}.");
    }

    private void ReportWait(HeldLocks held, in CheckStep step)
    {
        var culprit = Limiting(held, step.Context);
        var other = held.Locks[culprit].How;
        var what = step.Class is { } lockClass ? $"Waiting for {lockClass.Name}" : "What is done here";
        Tell(held, $"wait {other.Class.Id} {step.Class?.Id} {step.Context}", null, culprit, LockReportKind.Context,
            $"{what} may {WaitWord(step.Context)}, but {other.Class.Name} is held, whose holder may {MayWord(other.Inner)}.");
    }

    private void ReportSameClass(HeldLocks held, in Acquisition how, int culprit, LockReportKind kind)
    {
        var other = held.Locks[culprit].How;
        var sentence = (kind, how.Form) switch
        {
            (LockReportKind.Recursion, AcquireForm.Sync) => $"{how.Call} waits for the section this thread is in itself: it never ends.",
            (LockReportKind.Recursion, _) => $"{how.Call} while this thread holds that very lock by {other.Call}; it is not recursive.",
            (_, AcquireForm.Sync) =>
                $"{how.Call} inside a section of another {how.Class.Name}: two threads that do so crosswise wait for each other.",
            _ when how.Class.Compare is not null =>
                $"A second {how.Class.Name} is taken against the order that the class defines for its locks.",
            _ when how.Class.NestLock is { } nest =>
                $"A second {how.Class.Name} is taken without {nest.Name} held, which would make it safe.",
            _ => $"A second {how.Class.Name} is taken while one is held; nothing says in which order two of them are taken (a subclass, "
                + $"Compare, NestLock).",
        };
        Tell(held, $"same {kind} {how.Class.Id} {other.Class.Id} {how.Form} {how.Mode} {other.Mode}", how, culprit, kind, sentence);
    }

    private void ReportRelease(HeldLocks held, in CheckStep step, int index)
    {
        var verb = step.Operation == CheckOperation.LockDowngrade ? "downgraded" : "released";
        var how = index < 0 ? "by a thread that does not hold it"
            : held.Locks[index].How.Mode == LockMode.Shared ? "as if held exclusively, but it is held shared"
            : "as if held shared, but it is held exclusively";
        var sentence = $"{step.Class!.Name} is {verb} {how}.";
        Tell(held, $"release {step.Class.Id} {step.Operation} {step.Mode} {index < 0}", null, index, LockReportKind.Release, sentence);
    }

    private void ReportAssertion(HeldLocks held, in CheckStep step, int index)
    {
        var sentence = step.Operation == CheckOperation.AssertNotHeld
            ? $"{step.Class!.Name} is held by this thread where it must not be."
            : index < 0
                ? $"{step.Class!.Name} is not held by this thread where it must be."
                : $"{step.Class!.Name} is held shared where it must be held exclusively.";
        Tell(held, $"assert {step.Class.Id} {step.Operation} {step.Mode}", null, index, LockReportKind.Assertion, sentence);
    }

    private void ReportLeak(HeldLocks held, int from, string where)
    {
        var names = string.Join(", ", held.Locks[from..].ToArray().Select(h => h.How.Class.Name));
        Tell(held, $"leak {names}", null, held.Count - 1, LockReportKind.Leak, $"{names} still held {where}.");
    }

    private void ReportBalance(HeldLocks held, int before)
    {
        if (held.Count > before)
        {
            ReportLeak(held, before, "at the end of a call that took it and must give it back on every way out");
            return;
        }

        Tell(held, $"balance {held.Key}", null, -1, LockReportKind.Leak,
            $"A call returns with other locks than it was entered with: {before} were held, {held.Count} are.");
    }

    private static int Limiting(HeldLocks held, WaitContext context)
    {
        var locks = held.Locks;
        for (var i = locks.Length - 1; i > 0; i--)
        {
            if (locks[i].How.Inner < context)
                return i;
        }

        return 0;
    }

    private static string WaitWord(WaitContext context) => context switch
    {
        WaitContext.Spin => "spin",
        WaitContext.Sleep => "sleep",
        _ => "block on the world outside",
    };

    private static string MayWord(WaitContext inner) => inner switch
    {
        WaitContext.Free => "not wait at all",
        WaitContext.Spin => "only spin",
        WaitContext.Sleep => "sleep, but not block on the world outside",
        _ => "wait for anything",
    };

    private LockSite? SiteOf(in HeldLock held) => held.Site ?? _sites.GetValueOrDefault(held.Key);

    private LockReportLock[] HeldOf(HeldLocks held)
    {
        var locks = new LockReportLock[held.Count];
        for (var i = 0; i < locks.Length; i++)
            locks[i] = LockOf(held.Locks[i].How, SiteOf(held.Locks[i]) ?? LockSite.Noted("unknown"));
        return locks;
    }

    private void Tell(HeldLocks held, string key, Acquisition? how, int culprit, LockReportKind kind, string sentence)
    {
        List<LockReport> reports = [];
        lock (_lock)
        {
            if (_told.Contains(key))
                return;
            var site = LockSite.Capture();
            Add(reports, key, new LockReport
            {
                Kind = kind,
                Sentence = sentence,
                Thread = ThreadName(),
                Wanted = how is { } wanted ? LockOf(wanted, site) : null,
                Held = HeldOf(held),
                Culprit = culprit,
                Stack = site.Lines,
            });
        }

        Publish(held, reports);
    }

    private void Add(List<LockReport> reports, string key, LockReport report)
    {
        if (!_told.Add(key))
            return;
        _reports.Add(report);
        reports.Add(report);
    }

    /// <summary>Outside the validator's lock, on the thread at fault.</summary>
    private void Publish(HeldLocks held, List<LockReport> reports)
    {
        if (reports.Count == 0)
            return;
        held.Busy = true;
        try
        {
            foreach (var report in reports)
                Reported?.Invoke(report);
        }
        finally
        {
            held.Busy = false;
        }

        if (_options.Throw)
            throw new LockAssertionException(string.Join('\n', reports.Select(r => r.Text)));
    }
}
