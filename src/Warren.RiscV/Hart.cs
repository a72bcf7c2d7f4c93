using System.Runtime.InteropServices;
using Warren.Hypervisor;
using Warren.Hypervisor.Vcpus;
using Warren.RiscV.Blocks;
using Warren.RiscV.Core;
using Warren.RiscV.Csrs;
using Warren.RiscV.Execute;
using Warren.RiscV.Mmu;

namespace Warren.RiscV;

/// <summary>
/// An RV64GC hart as a hypervisor's guest sees it: S and U mode, everything delegated to S, machine mode played by Warren. Executes
/// decoded basic blocks as threaded code. One thread at a time may run it; <see cref="SetInterrupt"/> may be called by any.
/// </summary>
public sealed unsafe partial class Hart : IVcpuEngine, IDisposable
{
    private readonly HartState* _state;
    private readonly SoftTlb _tlb = new();
    private readonly FetchTlb _fetch = new();
    private readonly JumpCache _jumps = new();
    private readonly SecondStage _secondStage = new();
    private readonly PageTableWalker _walker;
    private readonly BlockCache _blocks;
    private readonly BlockBuilder _builder;
    private readonly Block* _scratch;
    private GCHandle _self;
    private long _blocksDecoded;
    private long _dispatches;
    private long _tlbFlushes;
    private long _exceptions;
    private long _interrupts;

    /// <summary>Makes hart number <paramref name="id"/>, reset at address 0; <see cref="Reset"/> gives it a start.</summary>
    public Hart(int id, HartOptions options, IHartEnvironment environment)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(environment);
        Id = id;
        Options = options;
        Environment = environment;
        _state = (HartState*)NativeMemory.AlignedAlloc((nuint)sizeof(HartState), 64);
        *_state = default;
        _self = GCHandle.Alloc(this, GCHandleType.Weak);
        _state->Self = GCHandle.ToIntPtr(_self);
        _state->Continue = Continuations.Make();
        _walker = new PageTableWalker(this, _state, _secondStage);
        Memory = new LoadStoreUnit(_state, _tlb, _walker, _secondStage);
        Tracked = new TrackedAccess(_tlb, _secondStage);
        Csrs = new CsrFile(this, _state);
        _blocks = new BlockCache(options.CodeArenaBytes);
        _builder = new BlockBuilder(options);
        _scratch = (Block*)NativeMemory.AlignedAlloc(BlockCache.MaxBlockBytes, 64);
        Reset(0, 0, 0);
    }

    /// <summary>The hart's number, <c>mhartid</c>.</summary>
    public int Id { get; }

    /// <summary>The abilities of the hart.</summary>
    public HartOptions Options { get; }

    /// <summary>Address of the next instruction.</summary>
    public ulong Pc
    {
        get => _state->Pc;
        set => _state->Pc = value & ~1UL;
    }

    /// <summary>The privilege mode.</summary>
    public PrivilegeMode Mode => _state->Mode;

    /// <summary>Instructions retired: those that trapped are not among them.</summary>
    public ulong InstructionsRetired => _state->Retired + (ulong)(_state->BudgetMark - _state->Budget);

    /// <summary>Events so far.</summary>
    public HartStatistics Statistics => new()
    {
        TlbMisses = Memory.Misses,
        PageWalks = _walker.Walks,
        MmioAccesses = Memory.MmioAccesses,
        BlocksDecoded = _blocksDecoded,
        ArenaDrops = _blocks.Drops,
        Dispatches = _dispatches,
        TlbFlushes = _tlbFlushes,
        Exceptions = _exceptions,
        Interrupts = _interrupts,
    };

    internal IHartEnvironment Environment { get; }

    internal LoadStoreUnit Memory { get; }

    internal TrackedAccess Tracked { get; }

    internal CsrFile Csrs { get; }

    /// <summary>Instructions retired up to the CSR instruction being executed.</summary>
    internal ulong RetiredInBlock
    {
        get
        {
            var block = _state->Block;
            return block == null ? InstructionsRetired
                : InstructionsRetired - (ulong)(block->Count - Block.InstructionsBefore(block, _state->CurrentOp));
        }
    }

    /// <summary>
    /// The state the SBI starts a hart in: S mode at <paramref name="pc"/>, translation and interrupts off, all caches empty.
    /// </summary>
    public void Reset(ulong pc, ulong a0, ulong a1)
    {
        var self = _state->Self;
        var continuations = _state->Continue;
        var retired = InstructionsRetired;
        *_state = default;
        _state->Self = self;
        _state->Continue = continuations;
        _state->Retired = retired;
        _state->Pc = pc & ~1UL;
        _state->R[10] = a0;
        _state->R[11] = a1;
        _state->Stimecmp = ulong.MaxValue;
        _state->ReservedAddress = ulong.MaxValue;
        ForgetExceptions();
        SetMode(PrivilegeMode.Supervisor);
        FlushGuestTlb(new Gva(0), 0, -1);
    }

    /// <summary>Integer register x<paramref name="index"/>.</summary>
    public ulong GetX(int index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)index, 31u, nameof(index));
        return _state->R[index];
    }

    /// <summary>Sets x<paramref name="index"/>; x0 stays 0.</summary>
    public void SetX(int index, ulong value)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)index, 31u, nameof(index));
        if (index != 0)
            _state->R[index] = value;
    }

    /// <summary>Raw bits of f<paramref name="index"/>.</summary>
    public ulong GetF(int index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)index, 31u, nameof(index));
        return _state->R[HartState.FirstFloat + index];
    }

    /// <summary>Sets the raw bits of f<paramref name="index"/>.</summary>
    public void SetF(int index, ulong value)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)index, 31u, nameof(index));
        _state->R[HartState.FirstFloat + index] = value;
    }

    /// <summary>Reads a CSR as S mode would.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The hart has no such CSR.</exception>
    public ulong ReadCsr(int number)
    {
        _state->Block = null;
        return CsrFile.MayAccess(number, PrivilegeMode.Supervisor, write: false) && Csrs.TryRead(number, out var value)
            ? value
            : throw new ArgumentOutOfRangeException(nameof(number), $"The hart has no CSR 0x{number:x3} that can be read now.");
    }

    /// <summary>Writes a CSR as S mode would, with every side effect.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The hart has no such CSR, or it is read-only.</exception>
    public void WriteCsr(int number, ulong value)
    {
        if (!CsrFile.MayAccess(number, PrivilegeMode.Supervisor, write: true) || !Csrs.TryWrite(number, value, out _))
            throw new ArgumentOutOfRangeException(nameof(number), $"The hart has no CSR 0x{number:x3} that can be written now.");
    }

    /// <summary>
    /// Finds the guest physical address behind a virtual one that the supervisor may read, for calls that pass pointers. Neither sets A and
    /// D nor minds that they are clear. On the hart's thread, outside guest mode; may sleep.
    /// </summary>
    /// <returns>false when the guest's tables map nothing there, or nothing readable</returns>
    public bool TryTranslate(VirtualMachine vm, Gva virtualAddress, out Gpa physicalAddress) =>
        _walker.TryInspect(vm, virtualAddress, out physicalAddress);

    /// <summary>Sets the privilege mode, for tests and debuggers.</summary>
    public void SetMode(PrivilegeMode mode)
    {
        _state->Mode = mode;
        _state->JumpCache = _jumps.Entries(mode);
        SelectTlb();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_self.IsAllocated)
        {
            _self.Free();
            _tlb.Dispose();
            _fetch.Dispose();
            _jumps.Dispose();
            _secondStage.Dispose();
            Tracked.Dispose();
            _blocks.Dispose();
            NativeMemory.AlignedFree(_scratch);
            NativeMemory.AlignedFree(_state);
        }
    }
}
