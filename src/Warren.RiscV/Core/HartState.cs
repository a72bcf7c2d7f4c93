using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Warren.RiscV.Blocks;
using Warren.RiscV.Execute;
using Warren.RiscV.Mmu;

namespace Warren.RiscV.Core;

/// <summary>
/// Everything handlers touch, in native memory. Register numbers in <see cref="Op"/> index <see cref="R"/> from its start:
/// 0-31 are x0-x31 (slot 0 stays 0), <see cref="Sink"/> takes results meant for x0, <see cref="FirstFloat"/> on are f0-f31.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct HartState
{
    internal const byte Sink = 32;
    internal const byte FirstFloat = 64;

    public fixed ulong R[96];

    /// <summary>Virtual address of the page <see cref="Block"/> is running in.</summary>
    public ulong Page;

    /// <summary>The block being executed.</summary>
    public Block* Block;

    /// <summary>Data TLB of the current mode: see <see cref="SoftTlb"/>.</summary>
    public byte* Tlb;

    /// <summary>Jump cache of the current mode.</summary>
    public JumpEntry* JumpCache;

    /// <summary>The vCPU's request word: non-zero ends execution at the next block boundary.</summary>
    public ulong* Request;

    /// <summary>Instructions left, exact whenever no block is running; handlers carry it in a register.</summary>
    public long Budget;

    /// <summary>The value of <see cref="Budget"/> when <see cref="Retired"/> was last brought up to date.</summary>
    public long BudgetMark;

    /// <summary>Instructions retired when <see cref="BudgetMark"/> was taken, less those that trapped since.</summary>
    public ulong Retired;

    /// <summary>The next instruction, valid whenever no block is running.</summary>
    public ulong Pc;

    /// <summary>Where the dispatcher stores the block found for <see cref="Pc"/>: a branch's own link, or null.</summary>
    public Block** LinkSlot;

    /// <summary>Raised by each flush: a handler that sees it move holds no pointer that is still good.</summary>
    public uint FlushEpoch;

    /// <summary>Why the dispatcher must return, or <see cref="HaltReason.None"/>.</summary>
    public HaltReason Halt;

    public PrivilegeMode Mode;

    /// <summary><c>sstatus.FS</c>: 0 off, 1 initial, 2 clean, 3 dirty.</summary>
    public byte FloatState;

    public byte FloatRounding;

    public uint FloatFlags;

    /// <summary>The CSR instruction being executed, for counters that must be exact within a block.</summary>
    public Op* CurrentOp;

    /// <summary>Address LR reserved; all ones when there is no reservation.</summary>
    public ulong ReservedAddress;

    public ulong ReservedValue;

    /// <summary>sstatus without FS, SD and UXL, which are derived.</summary>
    public ulong Status;

    public ulong Sie;

    public ulong Stvec;

    public ulong Scounteren;

    public ulong Senvcfg;

    public ulong Sscratch;

    public ulong Sepc;

    public ulong Scause;

    public ulong Stval;

    public ulong Satp;

    public ulong Stimecmp;

    /// <summary>Pending interrupts; other threads set and clear bits atomically.</summary>
    public ulong Sip;

    public Continuations Continue;

    /// <summary>GCHandle of the <see cref="Hart"/>, for slow paths.</summary>
    public nint Self;

    internal readonly Hart Hart
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Unsafe.As<Hart>(GCHandle.FromIntPtr(Self).Target!);
    }

    /// <summary>The register slot <paramref name="index"/> of <paramref name="h"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ref ulong Reg(HartState* h, byte index) => ref ((ulong*)h)[index];
}

/// <summary>Why the dispatcher loop has to return to the vCPU.</summary>
internal enum HaltReason : byte
{
    None,
    WaitForInterrupt,
    EnvironmentCall,
    TrapLoop,
    Stopped,
}
