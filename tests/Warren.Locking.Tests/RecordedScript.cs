namespace Warren.Locking.Tests;

/// <summary>One pass over every operation on one thread, printing what the hook saw.</summary>
internal static class RecordedScript
{
    internal const string Expected = """
        Before LockAcquire Exclusive spin Spin; After True
        Before AssertHeld Exclusive spin Free; After True
        Before LockTryAcquire Exclusive spin Free; After False
        Before LockRelease Exclusive spin Free; After True
        Before LockAcquire Shared rw Spin; After True
        Before LockTryAcquire Exclusive rw Free; After False
        Before LockRelease Shared rw Free; After True
        Before LockAcquire Exclusive rw Spin; After True
        Before LockRelease Exclusive rw Free; After True
        Before LockAcquire Exclusive sem Sleep; After True
        Before LockDowngrade Shared sem Free; After True
        Before LockRelease Shared sem Free; After True
        Before LockAcquire Exclusive mutex Sleep; After True
        Before LockRelease Exclusive mutex Free; After True
        Before SrcuReadLock Shared srcu Free; After True
        Before SrcuReadUnlock Shared srcu Free; After True
        Before SrcuSynchronize Exclusive srcu Sleep; After True
        Before SrcuCall None srcu Free; After True
        Before WaitPrepare None wait Free; After True
        Before WaitWakeUp None wait Free; After True
        Before WaitSleep None wait Sleep; After True
        Before WaitFinish None wait Free; After True
        Before WaitWakeUp None wait Free; After False
        Before SequenceWriteBegin Exclusive seq Free; After True
        Before SequenceWriteEnd Exclusive seq Free; After True
        Before SequenceReadBegin Shared seq Free; After True
        Before SequenceReadRetry Shared seq Free; After True
        Before AtomicWrite None - Free =7; After True =7
        Before AtomicRead None - Free =0; After True =7
        Before AtomicUpdate None - Free =2; After True =9
        Before AtomicUpdate None - Free =1; After False =9
        Before Fence None - Free; After True
        Before Relax None - Free; Wait; After True
        Before MapEnter Shared map Free; After True
        Before MightWait None - Block; After True
        Before MapLeave Shared map Free; After True
        Before AssertNoneHeld None - Free; After True
        """;

    private static readonly SpinLock Spin = new(new LockClass("spin", WaitContext.Spin));
    private static readonly RwLock Rw = new(new LockClass("rw", WaitContext.Spin));
    private static readonly RwSemaphore Sem = new(new LockClass("sem", WaitContext.Sleep));
    private static readonly Mutex Mutex = new(new LockClass("mutex", WaitContext.Sleep));
    private static readonly Srcu Srcu = new(new LockClass("srcu", WaitContext.Free));
    private static readonly RcuWait Wait = new(new LockClass("wait", WaitContext.Sleep));
    private static readonly SequenceCount Seq = new(new LockClass("seq", WaitContext.Free));
    private static readonly LockMap Map = new(new LockClass("map", WaitContext.Free));

    private sealed class Cell
    {
        internal long Padding;
        internal long Value;
    }

    internal static void Run()
    {
        var recorder = new Recorder();
        Check.Install(recorder);
        Spin.Lock();
        Spin.AssertHeld();
        Spin.TryLock();
        Spin.Unlock();
        Rw.ReadLock();
        Rw.TryWriteLock();
        Rw.ReadUnlock();
        Rw.WriteLock();
        Rw.WriteUnlock();
        Sem.DownWrite();
        Sem.DowngradeWrite();
        Sem.UpRead();
        Mutex.Lock();
        Mutex.Unlock();
        Srcu.ReadUnlock(Srcu.ReadLock());
        Srcu.SynchronizeExpedited();
        Srcu.Call(_ => { }, null);
        Wait.Prepare();
        Wait.WakeUp();
        Wait.Wait();
        Wait.Finish();
        Wait.WakeUp();
        Seq.WriteBegin();
        Seq.WriteEnd();
        Seq.ReadRetry(Seq.ReadBegin());
        var cell = new Cell { Padding = 1 };
        recorder.Owner = cell;
        recorder.Offset = 8;
        Atomics.Write(ref cell.Value, 7, cell);
        Atomics.Read(ref cell.Value, cell);
        Atomics.Add(ref cell.Value, 2, cell);
        Atomics.CompareExchange(ref cell.Value, 1, 2, cell);
        recorder.Owner = null;
        Atomics.Fence();
        var spin = default(SpinState);
        Cpu.Relax(ref spin);
        Map.Enter();
        Check.MightWait(WaitContext.Block);
        Map.Leave();
        Check.AssertNoneHeld();
        Console.Write(string.Join('\n', recorder.Lines));

        // Real assertions: they mean this thread.
        Spin.Lock();
        Threads.Run(() =>
        {
            Assert.Throws<LockAssertionException>(Spin.AssertHeld);
            Assert.Throws<LockAssertionException>(Spin.Unlock);
        });
        Spin.Unlock();
    }

    private sealed class Recorder : CheckHook
    {
        private string _line = "";
        private readonly int _thread = Environment.CurrentManagedThreadId;

        internal List<string> Lines { get; } = [];

        internal object? Owner { get; set; }

        internal nint Offset { get; set; }

        public override void Before(in CheckStep step)
        {
            if (Environment.CurrentManagedThreadId != _thread)
                return;
            _line = $"Before {step.Operation} {step.Mode} {step.Class?.Name ?? "-"} {step.Context}{Value(step)}; ";
            if (Owner is not null && (step.Instance != Owner || step.Offset != Offset))
                _line += $"wrong identity {step.Instance}+{step.Offset}";
        }

        public override bool Wait(in CheckStep step)
        {
            if (Environment.CurrentManagedThreadId == _thread)
                _line += "Wait; ";
            return false;
        }

        public override void After(in CheckStep step, bool succeeded)
        {
            if (Environment.CurrentManagedThreadId == _thread)
                Lines.Add($"{_line}After {succeeded}{Value(step)}");
        }

        // Callbacks are swallowed: the script is about one thread.
        public override bool Offload(Action work) => true;

        private static string Value(in CheckStep step) =>
            step.Operation is CheckOperation.AtomicRead or CheckOperation.AtomicWrite or CheckOperation.AtomicUpdate ? $" ={step.Value}"
            : "";
    }
}
