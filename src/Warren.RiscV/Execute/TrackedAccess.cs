using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Warren.Hypervisor;
using Warren.RiscV.Blocks;
using Warren.RiscV.Core;
using Warren.RiscV.Mmu;

namespace Warren.RiscV.Execute;

/// <summary>
/// AMOs, SC and CBO.ZERO on pages that hold shadowed tables of the guest, where every change must be told to the shadow. An atomic runs on
/// a private copy of its word, which then replaces the word if that is still what was copied.
/// </summary>
internal sealed unsafe class TrackedAccess(SoftTlb tlb, SecondStage secondStage) : IDisposable
{
    /// <summary>Exchanges before the instruction is left to the dispatcher, which looks at requests.</summary>
    private const int Tries = 16;

    private const ulong BlockMask = HartOptions.CacheBlockSize - 1;

    // A page, so that the TLB can lead to it, and behind it the instruction and what ends it.
    private readonly byte* _scratch = (byte*)NativeMemory.AlignedAlloc(4096 + (2 * (nuint)sizeof(Op)), 4096);

    /// <summary>
    /// Executes <paramref name="op"/>, whose <paramref name="address"/> leads to the shadowed page of
    /// <see cref="LoadStoreUnit.TrackedAddress"/>; a <paramref name="size"/> of 1 is CBO.ZERO.
    /// </summary>
    internal AccessStatus Run(HartState* h, Op* op, long budget, ulong address, int size)
    {
        var physical = h->Hart.Memory.TrackedAddress;
        return size == 1 ? Zero(physical.AlignDown(BlockMask + 1)) : Exchange(h, op, budget, address, physical.AlignDown(8));
    }

    public void Dispose() => NativeMemory.AlignedFree(_scratch);

    [MethodImpl(Flow.Ending)]
    private static void End(HartState* h, Op* op, long budget)
    {
    }

    private AccessStatus Zero(Gpa physical)
    {
        var status = AccessStatus.Ok;
        for (ulong offset = 0; offset <= BlockMask && status == AccessStatus.Ok; offset += 8)
            status = secondStage.WriteTracked(physical + offset, 8, 0);

        return status;
    }

    private AccessStatus Exchange(HartState* h, Op* op, long budget, ulong address, Gpa physical)
    {
        var copy = (ulong*)(_scratch + (address & 0xff8));
        var result = HartState.Reg(h, op->Rd);
        var reserved = h->ReservedAddress;
        var status = secondStage.CompareExchangeTracked(physical, 0, 0, out var word);
        for (var i = 0; i < Tries && status == AccessStatus.Ok; i++)
        {
            *copy = word;
            RunOn(h, op, budget, address);
            status = secondStage.CompareExchangeTracked(physical, word, *copy, out var found);
            if (status == AccessStatus.Ok && found == word)
                return status;

            HartState.Reg(h, op->Rd) = result;
            h->ReservedAddress = reserved;
            word = found;
        }

        return status == AccessStatus.Ok ? AccessStatus.Contended : status;
    }

    /// <summary>Runs the one instruction with its address leading to the scratch page.</summary>
    private void RunOn(HartState* h, Op* op, long budget, ulong address)
    {
        var alone = (Op*)(_scratch + 4096);
        alone[0] = *op;
        alone[1] = default;
        alone[1].Run = &End;
        tlb.Fill(LoadStoreUnit.Index(h), address, _scratch, write: true, level: 1);
        alone->Run(h, alone, budget);
        tlb.FlushPage(address);
    }
}
