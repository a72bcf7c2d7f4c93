using Warren.Hypervisor;
using Warren.RiscV.Blocks;
using Warren.RiscV.Csrs;
using Warren.RiscV.Mmu;

namespace Warren.RiscV;

/// <content>Exceptions, interrupts, and what changes translation.</content>
public sealed unsafe partial class Hart
{
    /// <summary>
    /// True when an interrupt is pending and enabled in <c>sie</c>, whatever the mode and <c>sstatus.SIE</c>: what ends a WFI.
    /// </summary>
    public bool HasPendingInterrupt
    {
        get
        {
            UpdateTimer();
            return (Volatile.Read(ref _state->Sip) & _state->Sie) != 0;
        }
    }

    /// <summary>
    /// The interrupts enabled in <c>sie</c>, by bit. Any thread may look; of a hart that runs, the answer may be out of date.
    /// </summary>
    public ulong EnabledInterrupts => Volatile.Read(ref _state->Sie);

    /// <summary>
    /// The interrupts pending in <c>sip</c>, by bit; with Sstc the timer's as it was when the hart last looked. Any thread may look.
    /// </summary>
    public ulong RaisedInterrupts => Volatile.Read(ref _state->Sip);

    /// <summary>True when an interrupt is to be taken before the next instruction.</summary>
    internal bool InterruptReady
    {
        get
        {
            var h = _state;
            return (Volatile.Read(ref h->Sip) & h->Sie) != 0 && (h->Mode == PrivilegeMode.User || (h->Status & Sstatus.Sie) != 0);
        }
    }

    /// <summary>
    /// Raises or lowers an interrupt line: bit 1 software, 5 timer, 9 external. From any thread; after raising, kick the vCPU.
    /// With Sstc the timer's level follows <c>stimecmp</c>, and raising it only has the hart look at the clock.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">No such interrupt.</exception>
    public void SetInterrupt(int bit, bool level)
    {
        if (bit is not (Interrupts.Software or Interrupts.Timer or Interrupts.External))
            throw new ArgumentOutOfRangeException(nameof(bit), bit, "Supervisor interrupts are 1 (software), 5 (timer) and 9 (external).");

        if (level)
            Interlocked.Or(ref _state->Sip, 1UL << bit);
        else
            Interlocked.And(ref _state->Sip, ~(1UL << bit));
    }

    /// <summary>With Sstc, makes the timer interrupt pending exactly when time has reached <c>stimecmp</c>.</summary>
    internal void UpdateTimer()
    {
        if (!Options.Has(Extension.Sstc))
            return;

        var stimecmp = _state->Stimecmp;
        var due = stimecmp != ulong.MaxValue && Environment.ReadTime() >= stimecmp;
        if (due != ((Volatile.Read(ref _state->Sip) & 1 << Interrupts.Timer) != 0))
            SetInterrupt(Interrupts.Timer, due);
    }

    /// <summary>Enters the S-mode handler for an exception at the current pc.</summary>
    internal void TakeException(ExceptionCause cause, ulong value)
    {
        _exceptions++;
        NoteException(cause, value);
        Trap((ulong)cause, value, _state->Stvec & ~3UL);
    }

    /// <summary>Illegal instruction at the current pc, with its encoding as stval.</summary>
    internal void TakeIllegalInstruction()
    {
        var h = _state;
        var pc = h->Pc;
        var entry = _fetch.Slot(h->Mode, pc & SoftTlb.PageMask);
        ulong bits = 0;
        var offset = (int)(pc & 0xfff);
        if (entry->Tag == (pc & SoftTlb.PageMask) && !BlockBuilder.Crosses(entry->HostPage, offset))
        {
            bits = *(ushort*)(entry->HostPage + offset);
            bits |= (bits & 3) == 3 ? (ulong)*(ushort*)(entry->HostPage + offset + 2) << 16 : 0;
        }

        TakeException(ExceptionCause.IllegalInstruction, bits);
    }

    private void TakeInterrupt()
    {
        var h = _state;
        UpdateTimer();
        var pending = Volatile.Read(ref h->Sip) & h->Sie;
        if (pending == 0)
            return;

        _interrupts++;
        var number = Interrupts.First(pending);
        var target = (h->Stvec & ~3UL) + ((h->Stvec & 1) != 0 ? 4UL * (ulong)number : 0);
        Trap((1UL << 63) + (uint)number, 0, target);
    }

    private void Trap(ulong cause, ulong value, ulong target)
    {
        var h = _state;
        h->Scause = cause;
        h->Stval = value;
        h->Sepc = h->Pc;
        var status = h->Status & ~(Sstatus.Spp | Sstatus.Spie | Sstatus.Sie);
        status |= h->Mode == PrivilegeMode.Supervisor ? Sstatus.Spp : 0;
        status |= (h->Status & Sstatus.Sie) != 0 ? Sstatus.Spie : 0;
        h->Status = status;
        h->ReservedAddress = ulong.MaxValue;
        h->LinkSlot = null;
        h->Pc = target;
        SetMode(PrivilegeMode.Supervisor);
    }

    /// <summary>SRET, all but the jump to sepc.</summary>
    internal void ReturnFromTrap()
    {
        var h = _state;
        var status = h->Status;
        var mode = (status & Sstatus.Spp) != 0 ? PrivilegeMode.Supervisor : PrivilegeMode.User;
        status = (status & Sstatus.Spie) != 0 ? status | Sstatus.Sie : status & ~Sstatus.Sie;
        h->Status = (status | Sstatus.Spie) & ~Sstatus.Spp;
        h->ReservedAddress = ulong.MaxValue;
        SetMode(mode);
    }

    /// <summary>Drops every cached translation and host pointer; decoded blocks stay, as each way into them is checked.</summary>
    public void FlushTlb()
    {
        _secondStage.Flush();
        FlushTranslations();
        _state->FlushEpoch++;
    }

    /// <summary>A remote FENCE.I on this hart, on its own thread: every block is looked up anew.</summary>
    public void FenceI() => _jumps.Flush();

    /// <summary>Drops every translation of guest virtual addresses.</summary>
    internal void FlushTranslations()
    {
        _tlbFlushes++;
        _tlb.Flush();
        _fetch.Flush();
        _jumps.Flush();
    }

    /// <summary>Drops the translations of one address's page, and of the superpage around it.</summary>
    internal void FlushPage(Gva address)
    {
        var page = address.PageStart.Value;
        _tlb.FlushPage(page);
        if (_fetch.FlushPage(page))
            _jumps.Flush();
        else
            _jumps.FlushPage(page);
    }

    internal void FlushData() => _tlb.Flush();

    internal void SelectTlb() => _state->Tlb = _tlb.Tables(LoadStoreUnit.Index(_state));
}
