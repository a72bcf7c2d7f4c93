namespace Warren.Locking;

/// <summary>
/// The four kinds of a dependency: how the first lock is held, and whether the second is waited for as by a recursive reader.
/// </summary>
[Flags]
public enum DependencyKinds : byte
{
    None = 0,

    /// <summary>Held exclusively, waited for as by a writer or a reader that queues (EN).</summary>
    ExclusiveToNonRecursive = 1,

    /// <summary>Held exclusively, waited for as by a reader that passes readers and waiting writers (ER).</summary>
    ExclusiveToRecursive = 2,

    /// <summary>Held shared, waited for as by a writer or a reader that queues (SN).</summary>
    SharedToNonRecursive = 4,

    /// <summary>Held shared, waited for as by a recursive reader (SR).</summary>
    SharedToRecursive = 8,
}

/// <summary>How a dependency was first seen in one of its kinds.</summary>
internal sealed record Sighting(DependencyKinds Kind, string Holder, LockSite HolderSite, string Waiter, bool WaiterShared,
    LockSite WaiterSite);

/// <summary>Class From was held when To was waited for.</summary>
internal sealed class Dependency(LockClass from, LockClass to)
{
    internal LockClass From { get; } = from;

    internal LockClass To { get; } = to;

    internal DependencyKinds Kinds { get; set; }

    internal List<Sighting> Sightings { get; } = [];

    /// <summary>Some chain had nothing between the two.</summary>
    internal bool IsDirect { get; set; }

    /// <summary>It closed a circle, or is not declared.</summary>
    internal bool IsViolating { get; set; }

    /// <summary>Chains in which it was seen.</summary>
    internal int Chains { get; set; }
}

/// <summary>One step of a path: a dependency in one kind.</summary>
internal readonly record struct PathStep(Dependency Dependency, Sighting Sighting);

/// <summary>
/// Which classes were held when which were waited for, and the search for circles. A circle of dependencies can deadlock only if it is
/// strong: nowhere is a class entered by a recursive reader and left by a shared holder, since such a reader does not wait for such a
/// holder. Every lock held counts as a predecessor, not only the innermost, so that a weak link in between hides nothing. Under the
/// validator's lock.
/// </summary>
internal sealed class DependencyGraph
{
    private Node?[] _nodes = new Node?[64];
    private int _stamp;

    internal List<Dependency> Dependencies { get; } = [];

    internal List<LockClass> Classes { get; } = [];

    /// <summary>The kind of lock a class was first seen with; null for one only primed.</summary>
    internal string? KindName(LockClass lockClass) => _nodes[lockClass.Id]?.Sample;

    internal static DependencyKinds KindOf(LockMode holder, bool recursive) => holder == LockMode.Shared
        ? recursive ? DependencyKinds.SharedToRecursive : DependencyKinds.SharedToNonRecursive
        : recursive ? DependencyKinds.ExclusiveToRecursive : DependencyKinds.ExclusiveToNonRecursive;

    /// <summary>True when the class was not known.</summary>
    internal bool AddClass(LockClass lockClass, object? sample)
    {
        if (lockClass.Id >= _nodes.Length)
            Array.Resize(ref _nodes, Math.Max(_nodes.Length * 2, lockClass.Id + 1));
        ref var node = ref _nodes[lockClass.Id];
        if (node is not null)
        {
            node.Sample ??= Describe(sample);
            return false;
        }

        node = new Node { Sample = Describe(sample) };
        Classes.Add(lockClass);
        return true;
    }

    /// <summary>The dependency, and whether this kind of it is new.</summary>
    internal Dependency Add(LockClass from, LockClass to, Sighting sighting, out bool isNewEdge, out bool isNewKind)
    {
        var node = _nodes[from.Id]!;
        isNewEdge = !node.Out.TryGetValue(to.Id, out var dependency);
        if (dependency is null)
        {
            dependency = new Dependency(from, to);
            node.Out.Add(to.Id, dependency);
            Dependencies.Add(dependency);
        }

        isNewKind = (dependency.Kinds & sighting.Kind) == 0;
        if (isNewKind)
        {
            dependency.Kinds |= sighting.Kind;
            dependency.Sightings.Add(sighting);
        }

        return dependency;
    }

    /// <summary>
    /// The shortest strong path from where the new step leads back to where it starts, that together with it makes a strong circle; null
    /// when there is none.
    /// </summary>
    internal List<PathStep>? FindCircle(PathStep last)
    {
        var goal = last.Dependency.From;
        var closesShared = IsShared(last.Sighting.Kind);
        var stamp = ++_stamp;
        var queue = new Queue<(LockClass Class, bool Recursive, Trail? Trail)>();
        queue.Enqueue((last.Dependency.To, IsRecursive(last.Sighting.Kind), null));
        while (queue.TryDequeue(out var at))
        {
            foreach (var dependency in _nodes[at.Class.Id]!.Out.Values)
            {
                foreach (var sighting in dependency.Sightings)
                {
                    if (at.Recursive && IsShared(sighting.Kind))
                        continue;
                    var recursive = IsRecursive(sighting.Kind);
                    var trail = new Trail(new PathStep(dependency, sighting), at.Trail);
                    if (dependency.To == goal)
                    {
                        if (recursive && closesShared)
                            continue;
                        return trail.ToPath();
                    }

                    // Entered as a queueing waiter, every way out is open: a second visit as a recursive reader finds nothing more.
                    var next = _nodes[dependency.To.Id]!;
                    if (next.Visited == stamp || (recursive && next.VisitedRecursive == stamp))
                        continue;
                    if (recursive)
                        next.VisitedRecursive = stamp;
                    else
                        next.Visited = stamp;
                    queue.Enqueue((dependency.To, recursive, trail));
                }
            }
        }

        return null;
    }

    private static bool IsShared(DependencyKinds kind) =>
        (kind & (DependencyKinds.SharedToNonRecursive | DependencyKinds.SharedToRecursive)) != 0;

    private static bool IsRecursive(DependencyKinds kind) =>
        (kind & (DependencyKinds.ExclusiveToRecursive | DependencyKinds.SharedToRecursive)) != 0;

    /// <summary>The graph lives as long as the process: it must not keep locks, and what they belong to, alive.</summary>
    private static string? Describe(object? sample) => sample is null ? null : Verbs.Kind(sample);

    private sealed class Node
    {
        internal readonly Dictionary<int, Dependency> Out = [];
        internal string? Sample;
        internal int Visited;
        internal int VisitedRecursive;
    }

    private sealed record Trail(PathStep Step, Trail? Before)
    {
        internal List<PathStep> ToPath()
        {
            var path = new List<PathStep>();
            for (var at = this; at is not null; at = at.Before)
                path.Add(at.Step);
            path.Reverse();
            return path;
        }
    }
}
