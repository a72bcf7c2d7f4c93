using Warren.HostMemory;
using Warren.Hypervisor;
using Warren.Hypervisor.Invalidation;
using Warren.Hypervisor.Slots;
using Warren.Locking;

namespace Warren.Lab;

/// <summary>
/// The stage of a scenario of memory virtualization: one address space over a small frame pool, virtual machines with scripted vCPUs, all
/// of the production code, and the oracles, attached. Make one in <see cref="Scenario.Build"/>, with everything it needs; it clears up
/// after the schedule.
/// </summary>
/// <remarks>
/// Pages are named by their number: a gfn in a VM, an index behind <see cref="Map"/> in the host. Oracles look only at pages that some slot
/// was set over by way of <see cref="LabVm"/>, hence slots of a few pages are what makes a scenario quick.
/// </remarks>
public sealed class LabWorld
{
    internal const ulong PageSize = FramePool.PageSize;

    [ThreadStatic]
    private static int t_index;

    private readonly LabPool _pool;
    private readonly MemoryBudget? _budget;
    private int _running;
    private int _ended;
    private int _rounds;

    /// <param name="schedule">What is being built.</param>
    /// <param name="budgetPages">Pages the guests may use in all; negative: no bound but the pool.</param>
    public LabWorld(Schedule schedule, int budgetPages = -1)
    {
        ArgumentNullException.ThrowIfNull(schedule);
        Schedule = schedule;
        _pool = LabPool.Take();
        _budget = budgetPages < 0 ? null : new MemoryBudget(budgetPages * (long)PageSize);
        Memory = new AddressSpace(_pool.Pool, _budget);
        schedule.Cleanup(ClearUp);
        var names = new NativeNames(this);
        schedule.Names(names.Of, names.MeaningOf);
        Removals = new RemovalOracle(this);
        Dirty = new DirtyOracle(this);
        schedule.Monitor(new CountOracle(this));
        schedule.Monitor(new InvalidationOracle(this));
        schedule.Monitor(Removals);
        schedule.Monitor(new FrameOracle(this));
        schedule.Monitor(Dirty);
        schedule.Monitor(new AuditOracle(this));
    }

    public Schedule Schedule { get; }

    public AddressSpace Memory { get; }

    public FramePool Pool => _pool.Pool;

    /// <summary>In the order of their creation, disposed ones included.</summary>
    public IReadOnlyList<LabVm> Vms => VmList;

    internal List<LabVm> VmList { get; } = [];

    /// <summary>The runs of pages mapped with <see cref="Map"/> and <see cref="MapFile"/>.</summary>
    internal List<(Hva Start, Hva End)> Mapped { get; } = [];

    /// <summary>Something was written that who executes it need not notice.</summary>
    internal bool CodeMayBeStale { get; private set; }

    internal long CachedFrames => _pool.Cached;

    internal RemovalOracle Removals { get; }

    internal DirtyOracle Dirty { get; }

    /// <summary>Index of the controlled thread that asks, as monitors know it; -1 on any other.</summary>
    internal static int CurrentThread => t_index - 1;

    /// <summary>
    /// A VM over <see cref="Memory"/>, with so many vCPUs, and the gate of <see cref="LabSettings"/> unless <paramref name="gate"/> names
    /// one.
    /// </summary>
    public LabVm AddVm(int vcpus = 1, VmOptions? options = null, GateKind? gate = null)
    {
        options = (options ?? new VmOptions { HugePages = false }) with { Gate = gate ?? LabSettings.CurrentGate };
        if (LabSettings.Mmu is { } mmu)
            options = options with { Mmu = mmu };
        var vm = new LabVm(this, new VirtualMachine(Memory, options));
        VmList.Add(vm);
        for (var i = 0; i < vcpus; i++)
            vm.AddVcpu();
        return vm;
    }

    /// <summary>Maps fresh anonymous pages.</summary>
    /// <returns>Their first address.</returns>
    public Hva Map(int pages)
    {
        var start = Memory.Map((ulong)pages * PageSize, VmaProtection.Read | VmaProtection.Write, hugePages: false);
        Mapped.Add((start, start + ((ulong)pages * PageSize)));
        return start;
    }

    /// <summary>Maps the first pages of a file privately, at most two; a word of page n reads n + 1. Writing one breaks a share.</summary>
    public Hva MapFile(int pages)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(pages, LabPool.FilePages);
        var start = Memory.MapFile(_pool.File, 0, (ulong)pages * PageSize, VmaProtection.Read | VmaProtection.Write);
        Mapped.Add((start, start + ((ulong)pages * PageSize)));
        return start;
    }

    /// <summary>
    /// Has each vCPU access, at the end, each page that a slot was set over, or each window; see <see cref="AccessOracle"/>.
    /// </summary>
    public void CheckAccess() => Schedule.Monitor(new AccessOracle(this));

    /// <summary>Has a second subscriber of a page refuse every notification that may not block.</summary>
    public void Refuse(Hva hva) => _ = new Refuser(this, hva);

    /// <summary>Declares a thread; see <see cref="Schedule.Thread"/>.</summary>
    public void Thread(string name, Action body)
    {
        var index = Schedule.Threads.Count;
        _running++;
        Schedule.Thread(name, () =>
        {
            t_index = index + 1;
            body();
            t_index = 0;
            System.Threading.Interlocked.Increment(ref _ended);
        });
    }

    /// <summary>Declares a thread that repeats a round for as long as others run; see <see cref="Schedule.Background"/>.</summary>
    public void Background(string name, Action round)
    {
        var index = Schedule.Threads.Count;
        Schedule.Background(name, () =>
        {
            t_index = index + 1;
            System.Threading.Interlocked.Increment(ref _rounds);
            round();
            System.Threading.Interlocked.Decrement(ref _rounds);
            t_index = 0;
        });
    }

    /// <summary>A request that may be refused: that is an outcome as any other.</summary>
    public static void Attempt(Action request)
    {
        ArgumentNullException.ThrowIfNull(request);
        try
        {
            request();
        }
        catch (Exception e) when (e is MemslotException or HostMemoryException)
        {
            // Nothing has changed, as the oracles see for themselves.
        }
    }

    /// <summary>madvise(MADV_DONTNEED).</summary>
    public void Discard(Hva hva, int pages = 1)
    {
        Memory.Discard(hva, (ulong)pages * PageSize);
        Check.AssertNoneHeld();
    }

    /// <summary>munmap.</summary>
    public void Unmap(Hva hva, int pages = 1)
    {
        Memory.Unmap(hva, (ulong)pages * PageSize);
        Check.AssertNoneHeld();
    }

    /// <summary>mprotect.</summary>
    public void Protect(Hva hva, VmaProtection protection, int pages = 1)
    {
        Memory.Protect(hva, (ulong)pages * PageSize, protection);
        Check.AssertNoneHeld();
    }

    /// <summary>mmap(MAP_FIXED): the pages become those of the file, shared with it until they are written, as after a fork.</summary>
    public void Share(Hva hva, int pages = 1)
    {
        Memory.MapFile(_pool.File, 0, (ulong)pages * PageSize, VmaProtection.Read | VmaProtection.Write, hva);
        Check.AssertNoneHeld();
    }

    /// <summary>
    /// The process itself writes to its memory: shares are broken, and no VM is told, neither its dirty log nor who has decoded code there.
    /// </summary>
    public void Write(Hva hva, byte value)
    {
        CodeMayBeStale |= CurrentThread >= 0 || VmList.Exists(vm => vm.VcpuList.Exists(static vcpu => vcpu.HasFetched));
        Memory.Write(hva, [value]);
        Check.AssertNoneHeld();
    }

    /// <summary>The OOM reaper's way: false when it had to give up.</summary>
    public bool Reap(Hva hva, int pages = 1)
    {
        var done = Memory.ReapNonBlocking(hva, (ulong)pages * PageSize);
        Check.AssertNoneHeld();
        return done;
    }

    /// <summary>
    /// A notification around a change of the host's that leaves the pages as they are; <paramref name="between"/> may start others.
    /// </summary>
    /// <returns>False when it was refused, as only one that may not block can be.</returns>
    public bool Notify(Hva hva, int pages = 1, bool blockable = true, Action? between = null)
    {
        var range = new MmuNotifierRange(hva, hva + ((ulong)pages * PageSize), MmuNotifierEvent.Clear, blockable);
        if (!Memory.Notifiers.TryStart(range, out var invalidation))
            return false;
        between?.Invoke();
        Memory.Notifiers.End(invalidation);
        return true;
    }

    /// <summary>Ends the schedule with a broken invariant.</summary>
    internal void Fail(VerdictKind kind, string sentence) => Schedule.Fail(kind, sentence);

    private void ClearUp()
    {
        if (_ended != _running || _rounds != 0)
        {
            // Threads were stopped in the middle: locks are held, counts are off. Nothing can be disposed in order.
            foreach (var vm in VmList)
                vm.Abandon();
            Memory.Abandon();
            _pool.Dispose();
            return;
        }

        foreach (var vm in VmList)
            vm.Dispose();
        Memory.Dispose();
        _budget?.Dispose();
        _pool.Return();
    }
}
