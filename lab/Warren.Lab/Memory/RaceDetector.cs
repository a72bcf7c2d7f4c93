using Warren.Locking;

namespace Warren.Lab;

/// <summary>
/// Finds accesses to one field that nothing orders, in the manner of FastTrack (Flanagan, Freund, PLDI 2009): a vector clock per thread and
/// per lock, an epoch per access. What it judges are plain accesses (<see cref="Shared"/>): two of them, one a write, or one of them and an
/// atomic access, one a write. Atomic accesses never race among themselves: a read acquires what the write it may see released, an update
/// does both. A fence orders accesses only together with the atomic accesses around it, which carry the same order here already.
/// </summary>
/// <remarks>
/// Readers under a <see cref="SequenceCount"/> may run beside its writer as long as they do not use what they read: see the other half of
/// this class. Under store buffers a release takes effect when the store is performed, with the clock it had when it was made.
/// </remarks>
internal sealed partial class RaceDetector(ScheduleState state, PlaceNames names)
{
    private readonly List<RacePlace> _places = [];
    private readonly ThreadClock[] _threads = CreateThreads();

    /// <summary>One past the last thread that made a step in this schedule.</summary>
    private int _known;

    /// <summary>One past the last place used in this schedule.</summary>
    private int _used;

    /// <summary>Forgets everything: another schedule begins.</summary>
    internal void Reset()
    {
        for (var i = 0; i < _used; i++)
            _places[i].Reset(_known);
        _used = 0;
        for (var i = 0; i < _known; i++)
            _threads[i].Reset(i);
        _known = 0;
    }

    /// <param name="location">Of the step, in the engine; -1 when it has none.</param>
    internal void OnStep(int thread, in CheckStep step, bool succeeded, int location)
    {
        var self = Thread(thread);
        switch (step.Operation)
        {
            case CheckOperation.PlainRead:
                PlainRead(self, At(location));
                break;
            case CheckOperation.PlainWrite:
                PlainWrite(self, At(location));
                self.NoteEffect(update: false);
                self.TakeBuffered();
                break;
            case CheckOperation.AtomicRead:
                AtomicRead(self, At(location));
                break;
            case CheckOperation.AtomicWrite:
                AtomicWrite(self, At(location));
                self.NoteEffect(update: false);
                break;
            case CheckOperation.AtomicUpdate:
                AtomicUpdate(self, At(location), succeeded);
                self.NoteEffect(update: true);
                break;
            case CheckOperation.LockAcquire:
            case CheckOperation.LockTryAcquire when succeeded:
                Acquire(self, At(location), step.Mode);
                break;
            case CheckOperation.LockRelease when step.Mode == LockMode.Shared:
                Join(ref At(location).ReadRelease, self);
                self.Tick();
                break;
            case CheckOperation.LockRelease:
            case CheckOperation.LockDowngrade:
            case CheckOperation.WaitFinish:
                Release(self, At(location));
                break;
            case CheckOperation.WaitPrepare:
            case CheckOperation.WaitWakeUp:
                self.Join(At(location).Release, _known);
                Join(At(location).Release, self);
                self.Tick();
                break;
            case CheckOperation.WaitSleep:
            // A look whether a lock is contended orders nothing.
            case CheckOperation.WaitProbe when step.Instance is RcuWait:
                self.Join(At(location).Release, _known);
                break;
            case CheckOperation.SrcuReadLock:
                self.Join(At(location).Release, _known);
                break;
            case CheckOperation.SrcuReadUnlock:
                Join(ref At(location).ReadRelease, self);
                self.Tick();
                break;
            case CheckOperation.SrcuSynchronize:
                GracePeriod(self, At(location));
                break;
            case CheckOperation.SrcuCall:
                Join(ref At(location).CallRelease, self);
                self.Tick();
                break;
            case CheckOperation.SrcuBarrier:
                for (var i = 0; i < _known; i++)
                {
                    if (state[i].Offloaded)
                        self.Join(_threads[i].Clock, _known);
                }

                break;
            case CheckOperation.SequenceReadBegin:
                BeginRead(self, At(location));
                break;
            case CheckOperation.SequenceReadRetry:
                EndRead(self, At(location), valid: succeeded);
                break;
            case CheckOperation.SequenceWriteBegin:
                BeginWrite(self, At(location));
                break;
            case CheckOperation.SequenceWriteEnd:
                EndWrite(self, At(location));
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
        var threads = new ThreadClock[ScheduleState.MaxActors];
        for (var i = 0; i < threads.Length; i++)
            threads[i] = new ThreadClock(i);
        return threads;
    }

    private void Join(int[] clock, ThreadClock thread)
    {
        for (var i = 0; i < _known; i++)
            clock[i] = Math.Max(clock[i], thread.Clock[i]);
    }

    private void Join(ref int[]? clock, ThreadClock thread) => Join(clock ??= new int[ScheduleState.MaxActors], thread);

    private void Acquire(ThreadClock self, RacePlace at, LockMode mode)
    {
        self.Join(at.Release, _known);
        if (mode == LockMode.Exclusive && at.ReadRelease is not null)
            self.Join(at.ReadRelease, _known);
        self.ForgetRefused();
    }

    /// <summary>A store that the thread's clock goes with: what was there before is overwritten.</summary>
    private void Release(ThreadClock self, RacePlace at)
    {
        if (!self.TakeBuffered(at))
            self.Clock.AsSpan(0, _known).CopyTo(at.Release);
        self.Tick();
    }

    /// <summary>
    /// Ordered before it: the read sections that have ended. Ordered before later read sections: its caller, up to the beginning of the
    /// call. A callback thread also comes after those that queued what it is about to run.
    /// </summary>
    private void GracePeriod(ThreadClock self, RacePlace at)
    {
        if (state[self.Index].Offloaded && at.CallRelease is not null)
            self.Join(at.CallRelease, _known);
        Join(at.Release, self);
        if (at.ReadRelease is not null)
            self.Join(at.ReadRelease, _known);
        self.Tick();
    }

    private void PlainRead(ThreadClock self, RacePlace at)
    {
        if (self.IsReadingSequence)
        {
            ReadUnderSequence(self, at);
            return;
        }

        CheckWrites(self, at, "reads");
        (at.PlainReads ??= new()).Add(self.Index, self.Now, Site());
    }

    private void PlainWrite(ThreadClock self, RacePlace at)
    {
        CheckWrites(self, at, "writes");
        Check(self, at, at.PlainReads, "read", "writes");
        Check(self, at, at.AtomicReads, "read", "writes");
        if (at.SequenceReads is not null && !self.Writing.Contains(at.Sequence!))
            Check(self, at, at.SequenceReads, "read (under a sequence count)", "writes");
        (at.Writer, at.WriteClock, at.WriteSite) = (self.Index, self.Now, Site());
    }

    private void AtomicRead(ThreadClock self, RacePlace at)
    {
        CheckPlainWrite(self, at, "reads (atomically)");
        (at.AtomicReads ??= new()).Add(self.Index, self.Now, Site());
        self.Join(at.Release, _known);
    }

    private void AtomicWrite(ThreadClock self, RacePlace at)
    {
        WriteAtomically(self, at);
        Release(self, at);
    }

    private void AtomicUpdate(ThreadClock self, RacePlace at, bool stored)
    {
        if (stored)
            WriteAtomically(self, at);
        else
            CheckPlainWrite(self, at, "reads (atomically)");
        self.Join(at.Release, _known);
        if (!stored)
            return;
        Join(at.Release, self);
        self.Tick();
    }

    private void WriteAtomically(ThreadClock self, RacePlace at)
    {
        CheckPlainWrite(self, at, "writes (atomically)");
        Check(self, at, at.PlainReads, "read", "writes (atomically)");
        (at.AtomicWrites ??= new()).Add(self.Index, self.Now, Site());
    }

    private void CheckWrites(ThreadClock self, RacePlace at, string does)
    {
        CheckPlainWrite(self, at, does);
        Check(self, at, at.AtomicWrites, "written (atomically)", does);
    }

    private void CheckPlainWrite(ThreadClock self, RacePlace at, string does)
    {
        if (at.Writer >= 0 && at.Writer != self.Index && at.WriteClock > self.Clock[at.Writer])
            Report(self, at, at.Writer, at.WriteSite, "written", does);
    }

    private void Check(ThreadClock self, RacePlace at, Accesses? others, string done, string does)
    {
        if (others is null)
            return;
        var other = others.FirstUnordered(self.Index, self.Clock);
        if (other >= 0)
            Report(self, at, other, others.SiteOf(other), done, does);
    }

    private void Forget(nint address, long bytes)
    {
        for (var i = 0; i < _used; i++)
        {
            ref var location = ref state.Locations[i];
            if (location.Instance is null && location.Offset >= address && location.Offset - address < bytes)
                _places[i].ForgetAccesses();
        }
    }

    private RacePlace At(int location)
    {
        while (_places.Count <= location)
            _places.Add(new RacePlace(_places.Count));
        _used = Math.Max(_used, location + 1);
        return _places[location];
    }

    private AccessSite Site() => AccessSite.Of(state);

    private ThreadClock Thread(int index)
    {
        if (index >= _known)
            _known = index + 1;
        return _threads[index];
    }
}
