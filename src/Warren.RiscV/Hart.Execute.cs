using Warren.Hypervisor;
using Warren.Hypervisor.Vcpus;
using Warren.RiscV.Blocks;
using Warren.RiscV.Core;
using Warren.RiscV.Mmu;

namespace Warren.RiscV;

/// <content>The dispatcher: everything between blocks that threaded code does not do itself.</content>
public sealed unsafe partial class Hart
{
    /// <summary>
    /// Runs until a request is pending, the budget is spent (it never goes below 0: the last block is cut to fit), or the guest waits or
    /// calls. At an environment call pc is past the ECALL: put the results into a0 and a1 and run again.
    /// </summary>
    public VcpuExit Execute(Vcpu vcpu, ref long budget)
    {
        ArgumentNullException.ThrowIfNull(vcpu);
        var h = _state;
        _secondStage.Attach(vcpu);
        h->Request = vcpu.RequestWord;
        h->LinkSlot = null;
        h->Halt = HaltReason.None;
        if (_secondStage.IsShadowed)
            AttachShadow(vcpu);

        UpdateTimer();
        VcpuExitReason reason;
        do
        {
            var granted = Math.Min(budget, Block.MaxBudget);
            h->Retired = InstructionsRetired;
            h->Budget = h->BudgetMark = granted;
            while ((reason = ExitReason(h)) == VcpuExitReason.None)
                Step(h);

            budget -= granted - h->Budget;
        }
        while (reason == VcpuExitReason.Budget && budget > 0);
        _shadow = null;
        return new VcpuExit(reason);
    }

    private static VcpuExitReason ExitReason(HartState* h)
    {
        if (h->Halt != HaltReason.None)
        {
            return h->Halt switch
            {
                HaltReason.WaitForInterrupt => VcpuExitReason.Halted,
                HaltReason.EnvironmentCall => VcpuExitReason.EnvironmentCall,
                HaltReason.TrapLoop => VcpuExitReason.TrapLoop,
                _ => VcpuExitReason.Interrupted,
            };
        }

        return Volatile.Read(ref *h->Request) != 0 ? VcpuExitReason.Interrupted
            : h->Budget <= 0 ? VcpuExitReason.Budget
            : VcpuExitReason.None;
    }

    /// <summary>Takes an interrupt if one is due, then enters the block at pc and runs until control comes back here.</summary>
    private void Step(HartState* h)
    {
        _dispatches++;
        if (InterruptReady)
            TakeInterrupt();

        var pc = h->Pc;
        var entry = RiscV.Execute.Flow.JumpEntryOf(h, pc);
        var block = entry->Block;
        var found = entry->Pc == pc && Block.IsCurrent(block);
        if (!found)
        {
            block = Locate(h, pc, entry);
            if (block == null)
                return;
        }

        if (h->LinkSlot != null)
        {
            // The branch that got here saw no link; pages are the same by construction, generations may not be.
            Link(h, block);
        }

        var whole = block->Count <= h->Budget;
        if (!whole)
        {
            block = Cut(h, block, pc);
            if (block == null)
                return;
        }

        h->Page = pc & SoftTlb.PageMask;
        h->Block = block;

        // What was fetched just now runs, even if its code was written to meanwhile: a hart beside a constant writer goes on, too.
        var first = Block.Ops(block) + (found || block->SecondCodeState == null ? 0 : 1);
        first->Run(h, first, h->Budget - block->Count);
        h->LinkSlot = whole ? h->LinkSlot : null;
    }

    private static void Link(HartState* h, Block* block)
    {
        var from = h->Block;
        if (from->State == block->State && from->Pfn == block->Pfn && block->SecondCodeState == null && from->SecondCodeState == null)
            *h->LinkSlot = block;

        h->LinkSlot = null;
    }

    /// <summary>
    /// The block at <paramref name="pc"/>, decoded if need be and remembered in <paramref name="entry"/>; null if there is a fault (taken)
    /// or a stop instead. It may be stale already, if another hart writes there: then it is good for one run.
    /// </summary>
    private Block* Locate(HartState* h, ulong pc, JumpEntry* entry)
    {
        var page = Fetch(h, pc, pc);
        if (page == null)
            return null;

        var offset = (int)(pc & 0xfff);
        if (offset == 0xffe)
        {
            uint half = Volatile.Read(ref *(ushort*)(page->HostPage + 0xffe));
            if ((half & 3) == 3)
                return LocateCrossing(h, pc, entry, *page, half);
        }

        var block = _blocks.Find(page->Pfn, offset, page->State, null);
        if (block == null)
        {
            block = Reserve(h);
            SetKey(block, page);
            _blocks.Commit(Build(block, page->HostPage, offset, Block.MaxInstructions, out var end), end);
        }

        _jumps.Fill(h->Mode, entry, pc, block);
        return block;
    }

    private Block* Build(Block* block, byte* page, int offset, int limit, out Op* end)
    {
        _blocksDecoded++;
        end = _builder.Build(block, page, offset, limit, final: limit != Block.MaxInstructions);
        return block;
    }

    /// <summary>
    /// As <see cref="Locate"/>, for an instruction whose first <paramref name="half"/> was read from <paramref name="first"/>. That page
    /// may be gone once the second is there, so nothing more is read from it.
    /// </summary>
    private Block* LocateCrossing(HartState* h, ulong pc, JumpEntry* entry, FetchEntry first, uint half)
    {
        var epoch = h->FlushEpoch;
        var second = Fetch(h, pc + 2, pc);
        if (second == null)
            return null;

        var block = _blocks.Find(first.Pfn, 0xffe, first.State, second->CodeState);
        if (block == null)
        {
            block = Reserve(h);
            SetKey(block, &first);
            block->SecondCodeState = second->CodeState;
            block->SecondState = second->State;
            _blocksDecoded++;
            var bits = half | (uint)*(ushort*)second->HostPage << 16;
            _blocks.Commit(block, _builder.BuildCrossing(block, bits));
        }

        if (epoch == h->FlushEpoch)
        {
            // Otherwise the address may not lead to the first page any more, which only a flush would have told the jump cache.
            _jumps.Fill(h->Mode, entry, pc, block);
        }

        return block;
    }

    private static void SetKey(Block* block, FetchEntry* page)
    {
        *block = default;
        block->CodeState = page->CodeState;
        block->State = page->State;
        block->Pfn = page->Pfn;
    }

    private Block* Reserve(HartState* h)
    {
        var block = _blocks.Reserve();
        if (block == null)
        {
            _blocks.DropAll();
            _jumps.Flush();
            h->LinkSlot = null;
            block = _blocks.Reserve();
        }

        return block;
    }

    /// <summary>A copy of <paramref name="block"/> that ends where the budget does.</summary>
    private Block* Cut(HartState* h, Block* block, ulong pc)
    {
        var page = Fetch(h, pc, pc);
        if (page == null)
            return null;

        SetKey(_scratch, page);
        return Build(_scratch, page->HostPage, (int)(pc & 0xfff), (int)h->Budget, out _);
    }

    /// <summary>
    /// Translation of the page of <paramref name="address"/> for execution, marked as code; null if a fault was taken (for the
    /// instruction at <paramref name="pc"/>) or control must go back to the dispatcher.
    /// </summary>
    private FetchEntry* Fetch(HartState* h, ulong address, ulong pc)
    {
        var page = address & SoftTlb.PageMask;
        var entry = _fetch.Slot(h->Mode, page);
        if (entry->Tag == page && *entry->CodeState == entry->State)
            return entry;

        var status = TranslateFetch(h, address, out var translation, out var level);
        if (status == AccessStatus.Ok)
        {
            // As in LoadStoreUnit.Resolve, a flush meanwhile does not matter.
            entry->Tag = page;
            entry->HostPage = translation.HostPage;
            entry->CodeState = translation.CodeState;
            entry->State = translation.CodeVersion;
            entry->Pfn = translation.Pfn;
            _fetch.Filled(page, level);
            return entry;
        }

        if (status == AccessStatus.Stopped)
        {
            h->Halt = HaltReason.Stopped;
            return null;
        }

        h->Pc = pc;
        h->Budget--;
        h->Retired--;
        if (status != AccessStatus.Contended)
            TakeException(RiscV.Execute.Flow.CauseOf(status, GuestAccess.Execute), address);

        return null;
    }

    private AccessStatus TranslateFetch(HartState* h, ulong address, out Translation translation, out int level)
    {
        if (_secondStage.IsShadowed)
        {
            level = 1;
            return _secondStage.TranslateVirtual(new Gva(address), GuestAccess.Execute, _walker.With(h->Mode), out translation, out _);
        }

        translation = default;
        var status = _walker.Walk(new Gva(address), GuestAccess.Execute, h->Mode, out var guest);
        level = guest.Level;
        return status == AccessStatus.Ok ? _secondStage.Translate(guest.PhysicalAddress, GuestAccess.Execute, out translation) : status;
    }
}
