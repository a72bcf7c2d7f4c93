using Warren.RiscV.Core;

namespace Warren.RiscV.Csrs;

/// <summary>The consequence of a CSR write for whoever made it.</summary>
internal enum CsrEffect
{
    None,

    /// <summary>An interrupt may have become takeable.</summary>
    Interrupts,

    /// <summary>Translation changed: nothing fetched or cached before may be used.</summary>
    Translation,
}

/// <summary>
/// Reads and writes of CSRs with their side effects, WARL fields made legal. Callers have already checked privilege by number
/// (<see cref="MayAccess"/>); reads and writes of what does not exist return false.
/// </summary>
internal sealed unsafe class CsrFile(Hart hart, HartState* h)
{
    private readonly bool _float = hart.Options.Has(Extension.F);
    private readonly bool _counters = hart.Options.Has(Extension.Zicntr);
    private readonly bool _timer = hart.Options.Has(Extension.Sstc);
    private readonly bool _manageBlocks = hart.Options.Has(Extension.Zicbom);
    private readonly bool _zeroBlocks = hart.Options.Has(Extension.Zicboz);

    /// <summary>
    /// True when the number's privilege bits let <paramref name="mode"/> touch it, and write it if <paramref name="write"/>.
    /// </summary>
    internal static bool MayAccess(int number, PrivilegeMode mode, bool write)
        => (number >> 8 & 3) <= (int)mode && !(write && (number >> 10 & 3) == 3);

    /// <summary>Reads CSR <paramref name="number"/>; false if there is none, or the mode may not have it now.</summary>
    internal bool TryRead(int number, out ulong value)
    {
        value = 0;
        switch (number)
        {
            case Csr.Fflags when FloatOn:
                value = h->FloatFlags;
                return true;
            case Csr.Frm when FloatOn:
                value = h->FloatRounding;
                return true;
            case Csr.Fcsr when FloatOn:
                value = h->FloatFlags | (ulong)h->FloatRounding << 5;
                return true;
            case Csr.Sstatus:
                value = Status;
                return true;
            case Csr.Sie:
                value = h->Sie;
                return true;
            case Csr.Stvec:
                value = h->Stvec;
                return true;
            case Csr.Scounteren:
                value = h->Scounteren;
                return true;
            case Csr.Senvcfg:
                value = h->Senvcfg;
                return true;
            case Csr.Sscratch:
                value = h->Sscratch;
                return true;
            case Csr.Sepc:
                value = h->Sepc;
                return true;
            case Csr.Scause:
                value = h->Scause;
                return true;
            case Csr.Stval:
                value = h->Stval;
                return true;
            case Csr.Sip:
                hart.UpdateTimer();
                value = Volatile.Read(ref h->Sip);
                return true;
            case Csr.Stimecmp when _timer:
                value = h->Stimecmp;
                return true;
            case Csr.Satp:
                value = h->Satp;
                return true;
            case Csr.Cycle or Csr.Instret when MayCount(number):
                value = hart.RetiredInBlock;
                return true;
            case Csr.Time when MayCount(number):
                value = hart.Environment.ReadTime();
                return true;
            default:
                return false;
        }
    }

    /// <summary>Writes CSR <paramref name="number"/>; false if there is none that can be written.</summary>
    internal bool TryWrite(int number, ulong value, out CsrEffect effect)
    {
        effect = CsrEffect.None;
        switch (number)
        {
            case Csr.Fflags when FloatOn:
                h->FloatFlags = (uint)value & FloatingPoint.FloatFlags.All;
                h->FloatState = 3;
                return true;
            case Csr.Frm when FloatOn:
                h->FloatRounding = (byte)(value & 7);
                h->FloatState = 3;
                return true;
            case Csr.Fcsr when FloatOn:
                h->FloatFlags = (uint)value & FloatingPoint.FloatFlags.All;
                h->FloatRounding = (byte)(value >> 5 & 7);
                h->FloatState = 3;
                return true;
            case Csr.Sstatus:
                effect = WriteStatus(value);
                return true;
            case Csr.Sie:
                h->Sie = value & Interrupts.All;
                effect = CsrEffect.Interrupts;
                return true;
            case Csr.Stvec:
                // Direct or vectored; the base is 4-aligned.
                h->Stvec = (value & 2) == 0 ? value : (value & ~3UL) | (h->Stvec & 1);
                return true;
            case Csr.Scounteren:
                h->Scounteren = value & 7;
                return true;
            case Csr.Senvcfg:
                WriteEnvironment(value);
                return true;
            case Csr.Sscratch:
                h->Sscratch = value;
                return true;
            case Csr.Sepc:
                h->Sepc = value & (hart.Options.Has(Extension.C) ? ~1UL : ~3UL);
                return true;
            case Csr.Scause:
                h->Scause = value;
                return true;
            case Csr.Stval:
                h->Stval = value;
                return true;
            case Csr.Sip:
                // Only SSIP is software's; the others follow the timer and the interrupt controller.
                hart.SetInterrupt(Interrupts.Software, (value >> Interrupts.Software & 1) != 0);
                effect = CsrEffect.Interrupts;
                return true;
            case Csr.Stimecmp when _timer:
                h->Stimecmp = value;
                hart.UpdateTimer();
                hart.Environment.TimerChanged(hart, value);
                effect = CsrEffect.Interrupts;
                return true;
            case Csr.Satp:
                effect = WriteTranslation(value);
                return true;
            default:
                return false;
        }
    }

    private bool FloatOn => _float && h->FloatState != 0;

    private ulong Status
        => h->Status | (ulong)h->FloatState << Sstatus.FloatShift | Sstatus.UserIs64Bit | (h->FloatState == 3 ? Sstatus.StateDirty : 0);

    private bool MayCount(int number)
        => _counters && (h->Mode == PrivilegeMode.Supervisor || (h->Scounteren >> (number & 3) & 1) != 0);

    private CsrEffect WriteStatus(ulong value)
    {
        var changed = (h->Status ^ value) & Sstatus.Writable;
        h->Status ^= changed;
        if (_float)
            h->FloatState = (byte)(value >> Sstatus.FloatShift & 3);

        if ((changed & Sstatus.Mxr) != 0)
        {
            // Read entries were filled by the other rule.
            hart.FlushData();
        }

        if ((changed & Sstatus.Sum) != 0)
            hart.SelectTlb();

        return (changed & value & Sstatus.Sie) != 0 ? CsrEffect.Interrupts : CsrEffect.None;
    }

    private void WriteEnvironment(ulong value)
    {
        var legal = Senvcfg.Fiom
            | (_manageBlocks ? Senvcfg.Cbcfe | Senvcfg.CbieMask : 0)
            | (_zeroBlocks ? Senvcfg.Cbze : 0);
        value &= legal;
        if ((value & Senvcfg.CbieMask) == 2UL << Senvcfg.CbieShift)
        {
            // Reserved: keep what was.
            value = (value & ~Senvcfg.CbieMask) | (h->Senvcfg & Senvcfg.CbieMask);
        }

        h->Senvcfg = value;
    }

    private CsrEffect WriteTranslation(ulong value)
    {
        var mode = (SatpMode)(value >> 60);
        var known = mode is SatpMode.Bare or SatpMode.Sv39 or SatpMode.Sv48 or SatpMode.Sv57;
        if (!known || mode > hart.Options.MaxSatpMode)
        {
            // The whole write has no effect: this is how the kernel probes.
            return CsrEffect.None;
        }

        if (value == h->Satp)
            return CsrEffect.None;

        h->Satp = value;
        hart.RootChanged();
        return CsrEffect.Translation;
    }
}
