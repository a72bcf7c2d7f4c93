namespace Warren.Locking;

/// <summary>
/// The order that the classes' declarations allow: the transitive closure of <see cref="LockClass.MayNestIn"/>, but not by way of a class
/// that nobody waits for (<see cref="WaitContext.Free"/>: read sections, pseudo-locks), since what may surround such a section has nothing
/// to do with what may happen in it.
/// </summary>
public static class DeclaredOrder
{
    /// <summary>True when a lock of <paramref name="inner"/> may be taken while one of <paramref name="outer"/> is held.</summary>
    public static bool Allows(LockClass outer, LockClass inner)
    {
        ArgumentNullException.ThrowIfNull(outer);
        ArgumentNullException.ThrowIfNull(inner);
        if (outer.Root.IsOrderLearned || inner.Root.IsOrderLearned)
            return true;
        if (outer.Root == inner.Root)
            return outer.SubclassNumber < inner.SubclassNumber || inner.MayNestIn.Contains(inner.Root);
        var seen = new HashSet<LockClass> { inner.Root };
        var queue = new Queue<LockClass>(seen);
        while (queue.TryDequeue(out var at))
        {
            foreach (var next in at.MayNestIn)
            {
                if (next.Root == outer.Root)
                    return true;
                if (next.Context != WaitContext.Free && seen.Add(next.Root))
                    queue.Enqueue(next.Root);
            }
        }

        return false;
    }

    /// <summary>
    /// A circle in the declarations themselves, outermost first and closed, or null. A class that names itself makes none, nor does one
    /// through a class that nobody waits for (<see cref="WaitContext.Free"/>: an SRCU section may lie inside a lock and around it).
    /// </summary>
    public static IReadOnlyList<LockClass>? FindCircle(IEnumerable<LockClass> classes)
    {
        ArgumentNullException.ThrowIfNull(classes);
        var done = new HashSet<LockClass>();
        var path = new List<LockClass>();
        foreach (var lockClass in classes)
        {
            if (Visit(lockClass.Root))
                return path;
        }

        return null;

        bool Visit(LockClass at)
        {
            if (path.IndexOf(at) is var start and >= 0)
            {
                path.RemoveRange(0, start);
                path.Add(at);
                path.Reverse();
                return true;
            }

            if (!done.Add(at))
                return false;
            path.Add(at);
            foreach (var outer in at.MayNestIn)
            {
                if (outer.Root != at && outer.Context != WaitContext.Free && Visit(outer.Root))
                    return true;
            }

            path.RemoveAt(path.Count - 1);
            return false;
        }
    }
}
