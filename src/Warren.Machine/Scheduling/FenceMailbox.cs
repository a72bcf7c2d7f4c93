using Warren.Hypervisor;
using Warren.Locking;
using Warren.RiscV;
using Volatile = System.Threading.Volatile;

namespace Warren.Machines.Scheduling;

/// <summary>The request of a remote fence to a hart.</summary>
internal enum FenceKind
{
    /// <summary>fence.i</summary>
    Instructions,

    /// <summary>sfence.vma</summary>
    Addresses,
}

/// <summary>
/// One remote fence (SBI RFENCE). <see cref="Size"/> 0 with <see cref="Start"/> 0, or all ones, is the whole address space;
/// <see cref="Asid"/> -1 is every address space.
/// </summary>
internal readonly record struct Fence(FenceKind Kind, ulong Start, ulong Size, int Asid)
{
    public bool IsWholeSpace => (Start == 0 && Size == 0) || Size == ulong.MaxValue;
}

/// <summary>
/// The fences other harts have asked of one hart. They are executed on its own thread before it runs another guest
/// instruction; more than a few at a time become one flush of everything.
/// </summary>
internal sealed class FenceMailbox
{
    private const int Capacity = 8;

    private readonly SpinLock _lock = new(BoardLocks.Fence);
    private readonly Fence[] _fences = new Fence[Capacity];
    private int _count;

    public bool IsEmpty => Volatile.Read(ref _count) == 0;

    public void Post(in Fence fence)
    {
        _lock.Lock();
        if (_count < Capacity)
            _fences[_count] = fence;
        Volatile.Write(ref _count, _count + 1);
        _lock.Unlock();
    }

    /// <summary>Executes what was posted. On the thread that runs the hart, outside of guest mode.</summary>
    public void Drain(Hart hart)
    {
        Span<Fence> taken = stackalloc Fence[Capacity];
        _lock.Lock();
        var count = _count;
        _fences.CopyTo(taken);
        Volatile.Write(ref _count, 0);
        _lock.Unlock();
        if (count > Capacity)
        {
            hart.FlushGuestTlb(new Gva(0), ulong.MaxValue, -1);
            hart.FenceI();
            return;
        }
        foreach (ref readonly var fence in taken[..count])
            Execute(hart, in fence);
    }

    public static void Execute(Hart hart, in Fence fence)
    {
        if (fence.Kind == FenceKind.Instructions)
            hart.FenceI();
        else if (fence.IsWholeSpace)
            hart.FlushGuestTlb(new Gva(0), ulong.MaxValue, fence.Asid);
        else
            hart.FlushGuestTlb(new Gva(fence.Start), fence.Size, fence.Asid);
    }
}
