using Warren.Locking;

namespace Warren.Lab;

/// <summary>
/// Finds accesses to one field that nothing orders, in the manner of FastTrack (Flanagan, Freund, PLDI 2009): a vector clock per thread and per lock, an epoch per
/// access. What it judges are plain accesses (<see cref="Shared"/>): two of them, one a write, or one of them and an atomic access, one a write. Atomic accesses never
/// race among themselves: a read acquires what the write it may see released, an update does both. A fence orders accesses only together with the atomic
/// accesses around it, which carry the same order here already.
/// </summary>
/// <remarks>
/// Readers under a <see cref="SequenceCount"/> may run beside its writer as long as they do not use what they read: see the other half of this class. Under
/// store buffers a release takes effect when the store is performed, with the clock it had when it was made.
/// </remarks>
internal sealed partial class RaceDetector
{
    private readonly LocationTable _locations = new();
    private readonly ThreadClock[] _threads = CreateThreads();
    private Schedule _schedule = null!;
    private bool _record;
    private int _known;
    private int _step;

    /// <summary>Forgets everything: another schedule begins.</summary>
    internal void Reset(Schedule next, bool recorded)
    {
        _schedule = next;
        _record = recorded;
        _locations.Clear();
        for (var i = 0; i < _known; i++)
            _threads[i].Reset(i);
        _known = 0;
        _step = 0;
    }

    internal void OnStep(int thread, in CheckStep step, bool succeeded)
    {
        _step++;
        var self = Thread(thread);
        switch (step.Operation)
        {
            case CheckOperation.PlainRead:
                PlainRead(self, At(step));
                break;
            case CheckOperation.PlainWrite:
                PlainWrite(self, At(step));
                self.NoteEffect(update: false);
                self.TakeBuffered();
                break;
            case CheckOperation.AtomicRead:
                AtomicRead(self, At(step));
                break;
            case CheckOperation.AtomicWrite:
                AtomicWrite(self, At(step));
                self.NoteEffect(update: false);
                break;
            case CheckOperation.AtomicUpdate:
                AtomicUpdate(self, At(step), succeeded);
                self.NoteEffect(update: true);
                break;
            case CheckOperation.LockAcquire:
            case CheckOperation.LockTryAcquire when succeeded:
                Acquire(self, At(step), step.Mode);
                break;
            case CheckOperation.LockRelease when step.Mode == LockMode.Shared:
                Join(ref At(step).ReadRelease, self);
                self.Tick();
                break;
            case CheckOperation.LockRelease:
            case CheckOperation.LockDowngrade:
            case CheckOperation.WaitFinish:
                Release(self, At(step));
                break;
            case CheckOperation.WaitPrepare:
            case CheckOperation.WaitWakeUp:
                self.Join(At(step).Release);
                Join(At(step).Release, self);
                self.Tick();
                break;
            case CheckOperation.WaitSleep:
            case CheckOperation.WaitProbe:
                self.Join(At(step).Release);
                break;
            case CheckOperation.SrcuReadLock:
                self.Join(At(step).Release);
                break;
            case CheckOperation.SrcuReadUnlock:
                Join(ref At(step).ReadRelease, self);
                self.Tick();
                break;
            case CheckOperation.SrcuSynchronize:
                GracePeriod(self, At(step));
                break;
            case CheckOperation.SrcuCall:
                Join(ref At(step).CallRelease, self);
                self.Tick();
                break;
            case CheckOperation.SrcuBarrier:
                for (var i = _schedule.Threads.Count; i < _known; i++)
                    self.Join(_threads[i].Clock);
                break;
            case CheckOperation.SequenceReadBegin:
                BeginRead(self, At(step));
                break;
            case CheckOperation.SequenceReadRetry:
                EndRead(self, At(step), valid: succeeded);
                break;
            case CheckOperation.SequenceWriteBegin:
                BeginWrite(self, At(step));
                break;
            case CheckOperation.SequenceWriteEnd:
                EndWrite(self, At(step));
                break;
            case CheckOperation.Mark when step.Mark == LockingMarks.Reused:
                Forget(step.Offset, step.Value);
                break;
        }
    }

    /// <summary>The store of the step that is being made stays in the thread's store buffer.</summary>
    internal void OnBuffered(int thread) => Thread(thread).Buffering = true;

    /// <summary>The oldest buffered store of the thread has been performed.</summary>
    internal void OnPerformed(int thread)
    {
        if (Thread(thread).Buffer.TryDequeue(out var release) && release.Place is { } place)
            release.Clock!.CopyTo(place.Release, 0);
    }

    internal void OnEnd()
    {
        for (var i = 0; i < _known; i++)
            EndReads(_threads[i]);
    }

    private static ThreadClock[] CreateThreads()
    {
        var threads = new ThreadClock[Location.MaxThreads];
        for (var i = 0; i < threads.Length; i++)
            threads[i] = new ThreadClock(i);
        return threads;
    }

    private static void Join(int[] clock, ThreadClock thread)
    {
        for (var i = 0; i < clock.Length; i++)
            clock[i] = Math.Max(clock[i], thread.Clock[i]);
    }

    private static void Join(ref int[]? clock, ThreadClock thread) => Join(clock ??= new int[Location.MaxThreads], thread);

    private static void Acquire(ThreadClock self, Location at, LockMode mode)
    {
        self.Join(at.Release);
        if (mode == LockMode.Exclusive && at.ReadRelease is not null)
            self.Join(at.ReadRelease);
        self.ForgetRefused();
    }

    /// <summary>A store that the thread's clock goes with: what was there before is overwritten.</summary>
    private static void Release(ThreadClock self, Location at)
    {
        if (!self.TakeBuffered(at))
            self.Clock.CopyTo(at.Release, 0);
        self.Tick();
    }

    /// <summary>
    /// Ordered before it: the read sections that have ended. Ordered before later read sections: its caller, up to the beginning of the call. A
    /// callback thread also comes after those that queued what it is about to run.
    /// </summary>
    private void GracePeriod(ThreadClock self, Location at)
    {
        if (self.Index >= _schedule.Threads.Count && at.CallRelease is not null)
            self.Join(at.CallRelease);
        Join(at.Release, self);
        if (at.ReadRelease is not null)
            self.Join(at.ReadRelease);
        self.Tick();
    }

    private void PlainRead(ThreadClock self, Location at)
    {
        if (self.IsReadingSequence)
        {
            ReadUnderSequence(self, at);
            return;
        }

        CheckWrites(self, at, "reads");
        (at.PlainReads ??= new()).Add(self.Index, self.Now, Site());
    }

    private void PlainWrite(ThreadClock self, Location at)
    {
        CheckWrites(self, at, "writes");
        Check(self, at, at.PlainReads, "read", "writes");
        Check(self, at, at.AtomicReads, "read", "writes");
        if (at.SequenceReads is not null && !self.Writing.Contains(at.Sequence!))
            Check(self, at, at.SequenceReads, "read (under a sequence count)", "writes");
        (at.Writer, at.WriteClock, at.WriteSite) = (self.Index, self.Now, Site());
    }

    private void AtomicRead(ThreadClock self, Location at)
    {
        CheckPlainWrite(self, at, "reads (atomically)");
        (at.AtomicReads ??= new()).Add(self.Index, self.Now, Site());
        self.Join(at.Release);
    }

    private void AtomicWrite(ThreadClock self, Location at)
    {
        WriteAtomically(self, at);
        Release(self, at);
    }

    private void AtomicUpdate(ThreadClock self, Location at, bool stored)
    {
        if (stored)
            WriteAtomically(self, at);
        else
            CheckPlainWrite(self, at, "reads (atomically)");
        self.Join(at.Release);
        if (!stored)
            return;
        Join(at.Release, self);
        self.Tick();
    }

    private void WriteAtomically(ThreadClock self, Location at)
    {
        CheckPlainWrite(self, at, "writes (atomically)");
        Check(self, at, at.PlainReads, "read", "writes (atomically)");
        (at.AtomicWrites ??= new()).Add(self.Index, self.Now, Site());
    }

    private void CheckWrites(ThreadClock self, Location at, string does)
    {
        CheckPlainWrite(self, at, does);
        Check(self, at, at.AtomicWrites, "written (atomically)", does);
    }

    private void CheckPlainWrite(ThreadClock self, Location at, string does)
    {
        if (at.Writer >= 0 && at.Writer != self.Index && at.WriteClock > self.Clock[at.Writer])
            Report(self, at, at.Writer, at.WriteSite, "written", does);
    }

    private void Check(ThreadClock self, Location at, Accesses? others, string done, string does)
    {
        if (others is null)
            return;
        var other = others.FirstUnordered(self.Index, self.Clock);
        if (other >= 0)
            Report(self, at, other, others.Sites[other], done, does);
    }

    private void Forget(nint address, long bytes)
    {
        foreach (var location in _locations.All)
        {
            if (location.Owner is null && location.Offset >= address && location.Offset - address < bytes)
                location.ForgetAccesses();
        }
    }

    private Location At(in CheckStep step) => _locations.Get(step.Instance, step.Offset);

    private AccessSite Site() => new(_step, _record ? CodeSite.Caller() : null);

    private ThreadClock Thread(int index)
    {
        if (index >= Location.MaxThreads)
            _schedule.Fail(VerdictKind.Scenario, $"The scenario has more than {Location.MaxThreads} threads, callbacks included: races cannot be looked for. Use fewer, or switch that off.");
        if (index >= _known)
            _known = index + 1;
        return _threads[index];
    }
}
