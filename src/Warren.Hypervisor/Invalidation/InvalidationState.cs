using System.Diagnostics;
using System.Runtime.InteropServices;
using Warren.Locking;

namespace Warren.Hypervisor.Invalidation;

/// <summary>
/// The state of invalidations that a page fault needs: how many are under way, over which gfns, and how many have ended
/// (<c>mmu_invalidate_in_progress</c>, <c>_seq</c>, <c>_range_start/_end</c>). Written with <c>mmu_lock</c> held for write; one for all
/// address spaces of the VM.
/// </summary>
/// <remarks>
/// The range is a union that only grows until nothing is under way. <see cref="Sequence"/> is 64 bits wherever it is kept: a snapshot cut
/// to 32 would one day never match again, and every fault would retry for ever.
/// </remarks>
public sealed class InvalidationState
{
    private const ulong Unset = ulong.MaxValue;

    [StructLayout(LayoutKind.Explicit, Size = 192)]
    private struct Padded
    {
        [FieldOffset(64)] public long InProgress;
        [FieldOffset(72)] public ulong Sequence;
        [FieldOffset(80)] public ulong Start;
        [FieldOffset(88)] public ulong End;
    }

    private readonly RwLock _mmuLock;
    private Padded _state;

    internal InvalidationState(RwLock mmuLock)
    {
        _mmuLock = mmuLock;
        _state.Start = _state.End = Unset;
    }

    public long InProgress => Atomics.Read(ref _state.InProgress, this);

    /// <summary>
    /// Snapshot this before looking up the slot and the frame; the read is ordered before what follows. Then ask
    /// <see cref="RetryGfnRange"/> under <c>mmu_lock</c> before installing.
    /// </summary>
    public ulong Sequence => Atomics.Read(ref _state.Sequence, this);

    /// <summary>
    /// The range that the open invalidations cover, or the last ones covered; both ends are all ones before anything was added.
    /// </summary>
    internal (Gfn Start, Gfn End) Range => (new(Atomics.Read(ref _state.Start, this)), new(Atomics.Read(ref _state.End, this)));

    /// <summary>Opens an invalidation (<c>kvm_mmu_invalidate_begin</c>); add its ranges before unlocking.</summary>
    internal void Begin()
    {
        _mmuLock.AssertHeldWrite();
        var inProgress = Shared.Read(ref _state.InProgress, this) + 1;
        if (inProgress == 1) SetRange(Unset, Unset);
        Atomics.Write(ref _state.InProgress, inProgress, this);
    }

    /// <summary>
    /// Adds [<paramref name="start"/>, <paramref name="end"/>) to what the open invalidations cover (<c>kvm_mmu_invalidate_range_add</c>).
    /// </summary>
    internal void RangeAdd(Gfn start, Gfn end)
    {
        _mmuLock.AssertHeldWrite();
        Debug.Assert(_state.InProgress > 0 && start < end);
        var (oldStart, oldEnd) = (Shared.Read(ref _state.Start, this), Shared.Read(ref _state.End, this));
        if (oldStart == Unset) SetRange(start.Value, end.Value);
        else SetRange(Math.Min(oldStart, start.Value), Math.Max(oldEnd, end.Value));
    }

    /// <summary>
    /// Closes one (<c>kvm_mmu_invalidate_end</c>). The sequence moves first: who reads the lower count without the lock
    /// (<see cref="RetryGfnRangeUnsafe"/>) also sees the new sequence.
    /// </summary>
    internal void End()
    {
        _mmuLock.AssertHeldWrite();
        var inProgress = Shared.Read(ref _state.InProgress, this);
        if (inProgress <= 0)
        {
            throw new InvalidOperationException(
                "An invalidation ended that had not begun: a notification reached this VM at its end only.");
        }
        Debug.Assert(_state.Start != Unset);
        Bump();
        Atomics.Write(ref _state.InProgress, inProgress - 1, this);
    }

    /// <summary>
    /// Makes every fault that took its snapshot before start again: an end does, and an update that publishes slots without waiting for
    /// notifications.
    /// </summary>
    internal void Bump()
    {
        _mmuLock.AssertHeldWrite();
        Atomics.Write(ref _state.Sequence, Shared.Read(ref _state.Sequence, this) + 1, this);
    }

    /// <summary>As <see cref="RetryGfnRange"/> for one page (<c>mmu_invalidate_retry_gfn</c>).</summary>
    public bool RetryGfn(ulong sequence, Gfn gfn) => RetryGfnRange(sequence, gfn, gfn + 1);

    /// <summary>
    /// Must a fault that took its snapshot at <paramref name="sequence"/> start again instead of mapping any of
    /// [<paramref name="start"/>, <paramref name="end"/>)? <c>mmu_lock</c> must be held, in either mode.
    /// </summary>
    public bool RetryGfnRange(ulong sequence, Gfn start, Gfn end)
    {
        _mmuLock.AssertHeld();
        if (Shared.Read(ref _state.InProgress, this) != 0
            && Covers(Shared.Read(ref _state.Start, this), Shared.Read(ref _state.End, this), start, end))
        {
            return true;
        }
        return Shared.Read(ref _state.Sequence, this) != sequence;
    }

    /// <summary>
    /// A guess at the same without the lock, wrong in either direction (<c>mmu_invalidate_retry_gfn_unsafe</c>): it keeps faults off
    /// <c>mmu_lock</c> while the range they want is being invalidated.
    /// </summary>
    public bool RetryGfnRangeUnsafe(ulong sequence, Gfn start, Gfn end)
    {
        if (InProgress != 0 && Covers(Atomics.Read(ref _state.Start, this), Atomics.Read(ref _state.End, this), start, end)) return true;
        return Sequence != sequence;
    }

    /// <summary>
    /// Must whatever was derived from the snapshot be thrown away, whatever its range (<c>mmu_invalidate_retry</c>)? Without
    /// <c>mmu_lock</c> false is certain only as long as no invalidation begins. For checks: production code asks about a range.
    /// </summary>
    internal bool Retry(ulong sequence) => InProgress != 0 || Sequence != sequence;

    /// <summary>For tests of wrap-around.</summary>
    internal void SetSequence(ulong sequence) => Atomics.Write(ref _state.Sequence, sequence, this);

    private static bool Covers(ulong rangeStart, ulong rangeEnd, Gfn start, Gfn end) =>
        rangeStart == Unset || (start.Value < rangeEnd && end.Value > rangeStart);

    private void SetRange(ulong start, ulong end)
    {
        Atomics.Write(ref _state.Start, start, this);
        Atomics.Write(ref _state.End, end, this);
    }
}
