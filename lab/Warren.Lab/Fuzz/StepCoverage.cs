using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Warren.HostMemory;
using Warren.Hypervisor.Vcpus;
using Warren.Locking;

namespace Warren.Lab.Fuzz;

/// <summary>
/// Everything schedules have reached: kinds of steps (of which operation of a program, doing what, to which field, lock or sort of native
/// memory), and pairs of them that conflict: the second follows the first in the same place, by another thread, and one of them writes.
/// </summary>
internal sealed class StepCoverage : StepMonitor
{
    private static readonly object s_guestMemory = new();
    private static readonly object s_frames = new();
    private static readonly object s_vcpus = new();
    private static readonly object s_native = new();
    private static readonly Dictionary<OpKind, int> s_kinds = OpKinds.All.Select((k, i) => (k, i)).ToDictionary(p => p.k, p => p.i);

    private readonly Dictionary<(object Sort, int Offset, CheckOperation Operation, LockMode Mode, int Kind), int> _sites = [];
    private readonly Dictionary<(int First, int Second), int> _pairs = [];
    private readonly Dictionary<(object? Instance, nint Offset), Place> _places = [];
    private readonly int[] _kinds = new int[ScheduleState.MaxActors];
    private LabWorld? _world;

    internal int Sites => _sites.Count;

    internal int Pairs => _pairs.Count;

    /// <summary>Grows with whatever is reached for the first time.</summary>
    internal int Reached => Sites + Pairs;

    /// <summary>Where to note what is reached from here on, the first time or again, as numbers of this object's; or null.</summary>
    internal HashSet<int>? Touched { get; set; }

    /// <summary>A schedule begins.</summary>
    internal void Begin(LabWorld world)
    {
        _world = world;
        _places.Clear();
        Array.Clear(_kinds);
    }

    /// <summary>The thread comes to an operation of the program.</summary>
    internal void Begins(int thread, OpKind kind) => _kinds[thread] = s_kinds[kind];

    public override void OnStep(int thread, in CheckStep step, bool succeeded)
    {
        if (!IsAccess(step.Operation) || (step.Instance is null && step.Class is null && step.Offset == 0))
            return;
        ref var site = ref CollectionsMarshal.GetValueRefOrAddDefault(_sites, SiteOf(thread, step), out var isKnown);
        if (!isKnown)
            site = _sites.Count;
        var current = site;
        Touched?.Add(-current);
        ref var place = ref CollectionsMarshal.GetValueRefOrAddDefault(_places, (step.Instance, step.Offset), out _);
        if (place.Writer != 0 && place.WriterThread != thread)
            Add(place.Writer, current);
        if (!succeeded || !IsWrite(step))
        {
            (place.Reader, place.ReaderThread) = (current, thread);
            return;
        }

        if (place.Reader != 0 && place.ReaderThread != thread)
            Add(place.Reader, current);
        place = new() { Writer = current, WriterThread = thread };
    }

    private void Add(int first, int second)
    {
        ref var number = ref CollectionsMarshal.GetValueRefOrAddDefault(_pairs, (first, second), out var isKnown);
        if (!isKnown)
            number = _pairs.Count;
        Touched?.Add(number);
    }

    private (object, int, CheckOperation, LockMode, int) SiteOf(int thread, in CheckStep step)
    {
        var (sort, offset) = step.Class is { } lockClass ? (lockClass, 0)
            : step.Instance is { } instance ? (instance.GetType(), (int)step.Offset) : Native(step.Offset);
        return (sort, offset, step.Operation, step.Mode, _kinds[thread]);
    }

    private unsafe (object Sort, int Offset) Native(nint address)
    {
        var pool = _world!.Pool;
        var at = (byte*)address;
        if ((nuint)(at - pool.Base) < (nuint)pool.Capacity << FramePool.PageShift)
            return (s_guestMemory, 0);
        var inside = (nuint)(at - (byte*)Unsafe.AsPointer(ref pool.Info(Pfn.None)));
        if (inside < (nuint)pool.Capacity * FrameInfo.Bytes)
            return (s_frames, (int)(inside % FrameInfo.Bytes));
        foreach (var vm in _world.VmList)
        {
            foreach (var vcpu in vm.VcpuList)
            {
                inside = (nuint)(at - (byte*)vcpu.Vcpu.State);
                if (inside < (nuint)sizeof(VcpuState))
                    return (s_vcpus, (int)inside);
            }
        }

        return (s_native, 0);
    }

    private static bool IsAccess(CheckOperation operation) => operation is >= CheckOperation.LockAcquire and <= CheckOperation.AtomicUpdate
        or CheckOperation.PlainRead or CheckOperation.PlainWrite;

    private static bool IsWrite(in CheckStep step) => step.Mode != LockMode.Shared && step.Operation
        is not (CheckOperation.AtomicRead or CheckOperation.PlainRead or CheckOperation.SrcuReadLock or CheckOperation.SrcuReadUnlock
        or CheckOperation.SequenceReadBegin or CheckOperation.SequenceReadRetry or CheckOperation.WaitProbe);

    /// <summary>The last steps at a place; sites count from 1.</summary>
    private struct Place
    {
        internal int Writer;
        internal int WriterThread;
        internal int Reader;
        internal int ReaderThread;
    }
}
