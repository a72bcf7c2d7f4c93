using System.Threading;

namespace Warren.Locking;

/// <summary>The work when a chain is seen for the first time.</summary>
public sealed partial class LockValidator
{
    private readonly Lock _lock = new();
    private readonly DependencyGraph _graph = new();
    private readonly Dictionary<ulong, LockSite> _sites = [];

    /// <summary>Chains analysed so far.</summary>
    public int ChainCount
    {
        get
        {
            lock (_lock)
                return _chains.Count;
        }
    }

    /// <summary>
    /// Learns the dependencies that classes declare to exist (<see cref="LockClass.Prime"/>), of all classes known so far. Those of a class
    /// that appears later are learnt when it is first seen.
    /// </summary>
    public void Prime()
    {
        var held = Held();
        List<LockReport> reports = [];
        lock (_lock)
        {
            foreach (var lockClass in LockClass.All)
            {
                if (lockClass.PrimedIn.Count > 0)
                    Know(lockClass, null, held, reports);
            }
        }

        Publish(held, reports);
    }

    private void Analyse(HeldLocks held, in Acquisition how, ulong key)
    {
        List<LockReport> reports = [];
        lock (_lock)
        {
            if (_chains.Contains(key))
                return;
            _chains.Add(key);
            var site = LockSite.Capture();
            _sites[key] = site;
            Know(how.Class, how.Instance, held, reports);
            if (how.Form != AcquireForm.Try)
                Depend(held, how, site, reports);
        }

        Publish(held, reports);
    }

    /// <summary>Makes a class known, with the dependencies it is primed with.</summary>
    private void Know(LockClass lockClass, object? sample, HeldLocks held, List<LockReport> reports)
    {
        if (!_graph.AddClass(lockClass, sample))
            return;
        foreach (var primed in lockClass.PrimedIn)
        {
            Know(primed.Outer, null, held, reports);
            var recursive = primed.Waiter == LockMode.Shared;
            var site = LockSite.Noted("known beforehand (primed)");
            var sighting =
                new Sighting(DependencyGraph.KindOf(primed.Holder, recursive), $"hold({primed.Outer.Name})", site,
                    $"want({lockClass.Name})", recursive, site);
            var step = AddStep(primed.Outer, lockClass, sighting, out var isNewKind);
            step.Dependency.IsDirect = true;
            if (isNewKind && _graph.FindCircle(step) is { } path)
                Circle(step, path, held, null, null, -1, [], reports);
        }
    }

    private void Depend(HeldLocks held, in Acquisition how, LockSite site, List<LockReport> reports)
    {
        var circles = new List<HashSet<LockClass>>();
        var locks = held.Locks;
        for (var i = 0; i < locks.Length; i++)
        {
            ref readonly var outer = ref locks[i];
            if (outer.How.Class == how.Class)
                continue;
            var sighting = new Sighting(DependencyGraph.KindOf(outer.How.Mode, how.Recursive), outer.How.Call, SiteOf(outer) ?? site,
                how.Call, how.Mode == LockMode.Shared, site);
            var step = AddStep(outer.How.Class, how.Class, sighting, out var isNewKind, out var isNewEdge);
            step.Dependency.Chains++;
            if (i == locks.Length - 1)
                step.Dependency.IsDirect = true;
            // A circle says more than that its last link is not declared.
            if (isNewKind && _graph.FindCircle(step) is { } path)
                Circle(step, path, held, how, site, i, circles, reports);
            else if (isNewEdge && _options.DeclaredOrder && !DeclaredOrder.Allows(outer.How.Class, how.Class))
                Undeclared(step, held, how, site, i, reports);
        }
    }

    private PathStep AddStep(LockClass from, LockClass to, Sighting sighting, out bool isNewKind) =>
        AddStep(from, to, sighting, out isNewKind, out _);

    private PathStep AddStep(LockClass from, LockClass to, Sighting sighting, out bool isNewKind, out bool isNewEdge)
    {
        // A subclass may be held, or primed with, before any lock of it passed here.
        _graph.AddClass(from, null);
        var dependency = _graph.Add(from, to, sighting, out isNewEdge, out isNewKind);
        return new PathStep(dependency, sighting);
    }

    /// <summary>
    /// Two locks of one class at once. This depends on the instances, not on the chain, so it is looked at every time; chains in which no
    /// class occurs twice never get here.
    /// </summary>
    private void CheckSameClass(HeldLocks held, in Acquisition how)
    {
        var locks = held.Locks;
        for (var i = locks.Length - 1; i >= 0; i--)
        {
            ref readonly var other = ref locks[i].How;
            if (other.Class.Root != how.Class.Root)
                continue;
            // A reader that waits for writers only passes a reader.
            if (how.Recursive && other is { Mode: LockMode.Shared, Recursive: true })
                continue;
            if (ReferenceEquals(other.Instance, how.Instance))
            {
                ReportSameClass(held, how, i, LockReportKind.Recursion);
                return;
            }

            if (other.Class == how.Class && !MayHoldBoth(held, other, how))
            {
                ReportSameClass(held, how, i, LockReportKind.Nesting);
                return;
            }
        }
    }

    private static bool MayHoldBoth(HeldLocks held, in Acquisition first, in Acquisition second)
    {
        var lockClass = second.Class;
        if (lockClass.Compare is { } compare)
            return compare(first.Instance, second.Instance) < 0;
        if (lockClass.NestLock is { } nest)
        {
            foreach (ref readonly var outer in held.Locks)
            {
                if (outer.How.Class.Root == nest.Root && outer.How.Mode == LockMode.Exclusive)
                    return true;
            }

            return false;
        }

        // A read section of one domain does not make it right to wait for the grace period of another.
        return second.Form != AcquireForm.Sync && lockClass.MayNestIn.Contains(lockClass.Root);
    }
}
