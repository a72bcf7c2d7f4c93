namespace Warren.Locking;

/// <summary>
/// Proves the order of locks as it watches it (the idea of the kernel's lockdep): from each chain of classes that a thread holds at once,
/// seen a single time on a single thread, it learns dependencies between classes, and finds every circle of them that some timing could
/// turn into a deadlock. Beside that it checks wait contexts, declared orders, releases, assertions and leaks. It never switches itself
/// off: its tables grow, and every distinct violation is reported once.
/// <para>One instance may serve a whole process (<see cref="Install"/>) or be fed by another hook, such as an explorer, on whose threads it
/// then keeps its own account of what is held. A chain seen before costs a hash and a look into a set, without lock or allocation.</para>
/// </summary>
public sealed partial class LockValidator : CheckHook
{
    /// <summary>Validators that one thread may report to by turns, each in the middle of something.</summary>
    private const int MaxValidators = 8;

    [ThreadStatic]
    private static HeldLocks? t_held;

    private readonly LockValidatorOptions _options;
    private readonly ChainSet _chains = new();

    public LockValidator(LockValidatorOptions? options = null)
    {
        _options = options ?? new LockValidatorOptions();
    }

    /// <summary>Installs a new validator as the hook of this process, primed with what all classes known so far declare.</summary>
    /// <exception cref="InvalidOperationException">The switch <c>Warren.Check</c> is off in this process.</exception>
    public static LockValidator Install(LockValidatorOptions? options = null)
    {
        var validator = new LockValidator(options);
        validator.Prime();
        Check.Install(validator);
        return validator;
    }

    /// <summary>Forgets what this thread holds: after a schedule was broken off in the middle.</summary>
    public void ForgetThread() => Held().Clear();

    /// <summary>True when this thread holds nothing, and is within no scope of <see cref="Check.Balanced"/>.</summary>
    public bool IsThreadIdle => Held().IsIdle;

    public override void Before(in CheckStep step)
    {
        switch (step.Operation)
        {
            case CheckOperation.LockAcquire:
            case CheckOperation.SrcuReadLock:
            case CheckOperation.SrcuSynchronize:
            case CheckOperation.SrcuBarrier:
            case CheckOperation.SequenceReadBegin:
            case CheckOperation.SequenceWriteBegin:
            case CheckOperation.MapEnter:
                Acquiring(AcquisitionOf(step));
                break;
            case CheckOperation.LockRelease:
            case CheckOperation.LockDowngrade:
            case CheckOperation.SrcuReadUnlock:
            case CheckOperation.SequenceWriteEnd:
            case CheckOperation.MapLeave:
                Releasing(step);
                break;
            case CheckOperation.WaitSleep:
            case CheckOperation.MightWait:
                Waiting(step);
                break;
            case CheckOperation.AssertNoneHeld:
                if (Held() is { Count: > 0, Busy: false } held)
                    ReportLeak(held, 0, "where none may be: at guest entry, at the end of a call or of a thread's turn");
                break;
            case CheckOperation.AssertHeld:
            case CheckOperation.AssertNotHeld:
                Asserting(step);
                break;
            case CheckOperation.ScopeEnter:
                Held().EnterScope();
                break;
            case CheckOperation.ScopeLeave:
                if (!Held().LeaveScope(out var before) && Held() is { Busy: false } unbalanced)
                    ReportBalance(unbalanced, before);
                break;
        }
    }

    public override bool Wait(in CheckStep step) => false;

    public override void After(in CheckStep step, bool succeeded)
    {
        switch (step.Operation)
        {
            case CheckOperation.LockAcquire:
            case CheckOperation.SrcuReadLock:
            case CheckOperation.SequenceWriteBegin:
            case CheckOperation.MapEnter:
                Push(AcquisitionOf(step));
                break;
            case CheckOperation.LockTryAcquire when succeeded:
                Tried(AcquisitionOf(step));
                break;
            case CheckOperation.LockRelease:
            case CheckOperation.SrcuReadUnlock:
            case CheckOperation.SequenceWriteEnd:
            case CheckOperation.MapLeave:
                Pop(step.Instance!);
                break;
            case CheckOperation.LockDowngrade:
                if (Held() is { Busy: false } held && held.Find(step.Instance!) is var index and >= 0)
                    held.Downgrade(index);
                break;
        }
    }

    public override bool Offload(Action work) => false;

    private static Acquisition AcquisitionOf(in CheckStep step)
    {
        var lockClass = step.Class!;
        var inner = lockClass.HolderContext;
        return step.Operation switch
        {
            CheckOperation.LockAcquire => new(lockClass, step.Instance!, step.Mode, false, AcquireForm.Lock, lockClass.Context, inner),
            CheckOperation.LockTryAcquire => new(lockClass, step.Instance!, step.Mode, false, AcquireForm.Try, WaitContext.Free, inner),
            CheckOperation.SrcuReadLock => new(lockClass, step.Instance!, LockMode.Shared, true, AcquireForm.Lock, WaitContext.Free, inner),
            CheckOperation.SrcuSynchronize or CheckOperation.SrcuBarrier =>
                new(lockClass, step.Instance!, LockMode.Exclusive, false, AcquireForm.Sync, WaitContext.Sleep, inner),
            // A reader waits for a writer alone, and holds nothing that anyone waits for.
            CheckOperation.SequenceReadBegin =>
                new(lockClass, step.Instance!, LockMode.Shared, true, AcquireForm.Sync, WaitContext.Free, inner),
            // Readers spin while the count is odd.
            CheckOperation.SequenceWriteBegin =>
                new(lockClass, step.Instance!, LockMode.Exclusive, false, AcquireForm.Lock, WaitContext.Free,
                    inner < WaitContext.Spin ? inner : WaitContext.Spin),
            _ => step.Mode == LockMode.Shared
                ? new(lockClass, step.Instance!, LockMode.Shared, true, AcquireForm.Lock, WaitContext.Free, inner)
                : new(lockClass, step.Instance!, LockMode.Exclusive, false, AcquireForm.Lock, lockClass.Context, inner),
        };
    }

    private HeldLocks Held()
    {
        var held = t_held;
        return held?.Owner == this ? held : FindHeld();
    }

    private HeldLocks FindHeld()
    {
        HeldLocks? mine = null;
        HeldLocks? others = null;
        var kept = 0;
        // Accounts of validators that have nothing to say now, or have gone in the middle of something, are dropped on the way.
        for (var at = t_held; at is not null;)
        {
            var next = at.Next;
            if (at.Owner == this)
            {
                mine = at;
            }
            else if (at.Busy || (!at.IsIdle && kept < MaxValidators))
            {
                kept++;
                at.Next = others;
                others = at;
            }

            at = next;
        }

        mine ??= new HeldLocks(this);
        mine.Next = others;
        t_held = mine;
        return mine;
    }

    private void Acquiring(in Acquisition how)
    {
        var held = Held();
        if (held.Busy)
            return;
        if (how.Context > held.Limit)
            ReportContext(held, how);
        if ((held.Mask & HeldLocks.Bit(how.Class)) != 0)
            CheckSameClass(held, how);
        var key = HeldLocks.Extend(held.Key, how.Token);
        if (!_chains.Contains(key))
            Analyse(held, how, key);
    }

    private void Push(in Acquisition how)
    {
        var held = Held();
        if (!held.Busy)
            held.Push(how, _options.ExactSites ? LockSite.Capture() : null);
    }

    private void Tried(in Acquisition how)
    {
        var held = Held();
        if (held.Busy)
            return;
        var key = HeldLocks.Extend(held.Key, how.Token);
        if (!_chains.Contains(key))
            Analyse(held, how, key);
        held.Push(how, _options.ExactSites ? LockSite.Capture() : null);
    }

    private void Pop(object instance)
    {
        var held = Held();
        if (!held.Busy && held.Find(instance) is var index and >= 0)
            held.RemoveAt(index);
    }

    private void Releasing(in CheckStep step)
    {
        var held = Held();
        if (held.Busy)
            return;
        var index = held.Find(step.Instance!);
        var needed = step.Operation == CheckOperation.LockDowngrade ? LockMode.Exclusive : step.Mode;
        if (index < 0 || (needed != LockMode.None && held.Locks[index].How.Mode != needed))
            ReportRelease(held, step, index);
    }

    private void Waiting(in CheckStep step)
    {
        var held = Held();
        if (!held.Busy && step.Context > held.Limit)
            ReportWait(held, step);
    }

    private void Asserting(in CheckStep step)
    {
        var held = Held();
        if (held.Busy)
            return;
        var index = held.Find(step.Instance!);
        var holds = index >= 0 && (step.Mode != LockMode.Exclusive || held.Locks[index].How.Mode == LockMode.Exclusive);
        if (step.Operation == CheckOperation.AssertNotHeld ? index >= 0 : !holds)
            ReportAssertion(held, step, index);
    }
}
