using System.Runtime.CompilerServices;

namespace Warren.Locking;

/// <summary>
/// The class of a lock: all instances that protect the same kind of thing in the same place of the lock order. Order is
/// declared and proved per class, never per instance (lockdep's unit). One row of <c>docs/locking.md</c> describes each.
/// Declare classes in static fields; a class lives as long as the process.
/// </summary>
public sealed class LockClass
{
    /// <summary>Subclasses of one class, itself included as number 0 (MAX_LOCKDEP_SUBCLASSES).</summary>
    public const int MaxSubclasses = 8;

    private static readonly List<LockClass> Registered = [];
    private LockClass[] _mayNestIn;
    private LockClass?[]? _subclasses;
    private Primed[] _primed = [];
    private WaitContext? _holder;

    /// <param name="name">What <c>docs/locking.md</c> calls it, for example <c>mmu_lock</c>.</param>
    /// <param name="context">How a waiter for this class waits.</param>
    /// <param name="mayNestIn">The classes that may be held when a lock of this class is taken. A class that names itself
    /// allows two instances at once, whose order the code at that place must justify.</param>
    public LockClass(string name, WaitContext context, params ReadOnlySpan<LockClass> mayNestIn)
        : this(name, context, null, 0)
    {
        _mayNestIn = mayNestIn.ToArray();
    }

    private LockClass(string name, WaitContext context, LockClass? parent, int subclass)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        Name = name;
        Context = context;
        Root = parent ?? this;
        SubclassNumber = subclass;
        _mayNestIn = [];
        lock (Registered)
        {
            Id = Registered.Count;
            Registered.Add(this);
        }
    }

    public string Name { get; }

    public WaitContext Context { get; }

    /// <summary>
    /// The longest wait that its holder may do: what the class imposes, where <see cref="Context"/> is what taking it needs. Unless set, a
    /// spinning lock allows spinning, a sleeping one sleeping but not blocking on the world outside, and a section that nobody spins for
    /// everything.
    /// </summary>
    public WaitContext HolderContext
    {
        get => _holder ?? (Context == WaitContext.Free ? WaitContext.Block : Context);
        init => _holder = value;
    }

    /// <summary>
    /// The order of two instances of this class held by one thread: negative when the first may be held while the second is taken. It looks
    /// at what never changes in them.
    /// </summary>
    public Comparison<object>? Compare { get; init; }

    /// <summary>Whoever holds a lock of this class exclusively may hold several instances of ours, in any order (nest_lock).</summary>
    public LockClass? NestLock { get; init; }

    /// <summary>
    /// No order is declared for it: the validator learns one from what it sees, and only cycles are wrong. For locks of tests and
    /// experiments.
    /// </summary>
    public bool IsOrderLearned { get; init; }

    /// <summary>Dense, from 0, in order of creation.</summary>
    public int Id { get; }

    /// <summary>The class this is a subclass of; itself for a class proper.</summary>
    public LockClass Root { get; }

    /// <summary>0 for a class proper.</summary>
    public int SubclassNumber { get; }

    public IReadOnlyList<LockClass> MayNestIn => Root._mayNestIn;

    /// <summary>
    /// Declares further outer classes: those of a higher layer, which this class's layer cannot name. Call it from the static
    /// initialiser of the outer class's type.
    /// </summary>
    public void AlsoNestsIn(params ReadOnlySpan<LockClass> outer)
    {
        lock (Registered)
            Root._mayNestIn = [.. Root._mayNestIn, .. outer];
    }

    /// <summary>
    /// Has every validator know from the start that this class is taken inside <paramref name="outer"/>, as if it had been seen: for a
    /// dependency that is real but needs a rare event (reclaim that invalidates). Also declares the order.
    /// </summary>
    /// <param name="outer">The outer class.</param>
    /// <param name="holder">How the outer one is held.</param>
    /// <param name="waiter">How this one is waited for; Shared: as by a reader that only waits for a holder (an SRCU reader, a shared
    /// pseudo-lock).</param>
    public void Prime(LockClass outer, LockMode holder = LockMode.Exclusive, LockMode waiter = LockMode.Exclusive)
    {
        ArgumentNullException.ThrowIfNull(outer);
        lock (Registered)
            _primed = [.. _primed, new Primed(outer, holder, waiter)];
        if (!MayNestIn.Contains(outer))
            AlsoNestsIn(outer);
    }

    /// <summary>
    /// The class of the n-th level of a nesting of this class, such as parent and child. It has a place of its own in the order; a higher
    /// number may be taken inside a lower.
    /// </summary>
    /// <param name="number">0, which is this class, to <see cref="MaxSubclasses"/> - 1.</param>
    public LockClass Subclass(int number)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(number);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(number, MaxSubclasses);
        if (number == SubclassNumber)
            return this;
        if (SubclassNumber != 0 || number == 0)
            return Root.Subclass(number);
        return _subclasses?[number] ?? MakeSubclass(number);
    }

    /// <summary>Every class created so far, by <see cref="Id"/>, subclasses included; a snapshot.</summary>
    public static IReadOnlyList<LockClass> All
    {
        get
        {
            lock (Registered)
                return Registered.ToArray();
        }
    }

    /// <summary>Runs the static initialisers of a type that declares classes, so that <see cref="All"/> names them.</summary>
    public static void Ensure(Type declaring)
    {
        ArgumentNullException.ThrowIfNull(declaring);
        RuntimeHelpers.RunClassConstructor(declaring.TypeHandle);
    }

    public override string ToString() => Name;

    internal IReadOnlyList<Primed> PrimedIn => _primed;

    private LockClass MakeSubclass(int number)
    {
        lock (Registered)
        {
            _subclasses ??= new LockClass?[MaxSubclasses];
            return _subclasses[number] ??= new LockClass($"{Name}/{number}", Context, this, number)
            {
                HolderContext = HolderContext,
                Compare = Compare,
                NestLock = NestLock,
                IsOrderLearned = IsOrderLearned,
            };
        }
    }

    internal readonly record struct Primed(LockClass Outer, LockMode Holder, LockMode Waiter);
}
