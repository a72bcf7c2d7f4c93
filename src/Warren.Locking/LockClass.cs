using System.Runtime.CompilerServices;

namespace Warren.Locking;

/// <summary>
/// The class of a lock: all instances that protect the same kind of thing in the same place of the lock order. Order is
/// declared and proved per class, never per instance (lockdep's unit). One row of <c>docs/locking.md</c> describes each.
/// Declare classes in static fields; a class lives as long as the process.
/// </summary>
public sealed class LockClass
{
    private static readonly List<LockClass> Registered = [];
    private LockClass[] _mayNestIn;

    /// <param name="name">What <c>docs/locking.md</c> calls it, for example <c>mmu_lock</c>.</param>
    /// <param name="context">How a waiter for this class waits.</param>
    /// <param name="mayNestIn">The classes that may be held when a lock of this class is taken. A class that names itself
    /// allows two instances at once, whose order the code at that place must justify.</param>
    public LockClass(string name, WaitContext context, params ReadOnlySpan<LockClass> mayNestIn)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        Name = name;
        Context = context;
        _mayNestIn = mayNestIn.ToArray();
        lock (Registered)
        {
            Id = Registered.Count;
            Registered.Add(this);
        }
    }

    public string Name { get; }

    public WaitContext Context { get; }

    /// <summary>Dense, from 0, in order of creation.</summary>
    public int Id { get; }

    public IReadOnlyList<LockClass> MayNestIn => _mayNestIn;

    /// <summary>
    /// Declares further outer classes: those of a higher layer, which this class's layer cannot name. Call it from the static
    /// initialiser of the outer class's type.
    /// </summary>
    public void AlsoNestsIn(params ReadOnlySpan<LockClass> outer)
    {
        lock (Registered)
            _mayNestIn = [.. _mayNestIn, .. outer];
    }

    /// <summary>Every class created so far, by <see cref="Id"/>; a snapshot.</summary>
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
}
