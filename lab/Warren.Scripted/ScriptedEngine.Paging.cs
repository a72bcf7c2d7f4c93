using Warren.Hypervisor;
using Warren.Hypervisor.Vcpus;
using Warren.Locking;

namespace Warren.Scripted;

/// <summary>
/// Guest virtual addresses of scripted guests, in tables of <see cref="ScriptedPageFormat"/>: walked by the engine over TDP, shadowed
/// otherwise.
/// </summary>
public sealed unsafe partial class ScriptedEngine
{
    private readonly bool _setsMarks;
    private GuestPrivilege _mode;

    /// <inheritdoc/>
    public IGuestPageFormat PageFormat => ScriptedPageFormat.Instance;

    /// <summary>The root that addresses are looked up from; without translation at first.</summary>
    public GuestRoot Root { get; private set; }

    /// <summary>
    /// In which mode of the guest the next accesses are made; a change of it drops the TLB, whose entries do not remember.
    /// </summary>
    public GuestPrivilege Mode
    {
        get => _mode;
        set
        {
            if (_mode != value) _tlb.Flush();
            _mode = value;
        }
    }

    /// <summary>An instruction: switches to another root and drops the TLB.</summary>
    public void SetGuestRoot(GuestRoot root)
    {
        if (_vcpu.ShadowsGuestTables) _vcpu.SetGuestRoot(root);
        Root = root;
        _tlb.Flush();
    }

    /// <summary>An instruction: what the guest has written to its tables counts from now on.</summary>
    public void FenceTables()
    {
        if (_vcpu.ShadowsGuestTables) _vcpu.SyncGuest();
        _tlb.Flush();
    }

    /// <summary>As <see cref="FenceTables()"/>, for what maps one address.</summary>
    public void FenceTables(ulong address)
    {
        if (_vcpu.ShadowsGuestTables) _vcpu.InvalidateGuestPage(new Gva(address));
        // A large leaf may have left several entries.
        _tlb.Flush();
    }

    /// <inheritdoc/>
    public GuestWalkStatus WalkGuest(Vcpu vcpu, Gva address, GuestAccess access, GuestPrivilege mode, ref GuestWalk walk)
    {
        OutsideGuestMode memory = new(vcpu);
        return ScriptedPageWalker.Walk(ref memory, vcpu.GuestRoot, address, access, mode, _setsMarks, ref walk);
    }

    /// <summary>As <see cref="Vcpu.TranslateVirtual"/>, whichever MMU the VM has.</summary>
    private TranslateStatus Translate(Gva address, GuestAccess access, out Translation t, out Gpa gpa)
    {
        if (_vcpu.ShadowsGuestTables) return _vcpu.TranslateVirtual(address, access, _mode, out t, out gpa);
        gpa = new Gpa(address.Value);
        if (Root.Levels != 0)
        {
            InGuestMode memory = new(_vcpu);
            GuestWalk walk = default;
            var status = ScriptedPageWalker.Walk(ref memory, Root, address, access, _mode, _setsMarks, ref walk);
            if (status != GuestWalkStatus.Ok)
            {
                t = default;
                return status switch
                {
                    GuestWalkStatus.PageFault => TranslateStatus.PageFault,
                    GuestWalkStatus.AccessFault => TranslateStatus.Error,
                    _ => TranslateStatus.Stopped,
                };
            }
            gpa = walk.Gfn.Gpa + address.PageOffset;
        }
        return _vcpu.Translate(gpa, access, out t);
    }

    /// <summary>A store to a table that is shadowed.</summary>
    private void StoreTracked(Gpa gpa, int size, ulong value)
    {
        var status = _vcpu.WriteTracked(gpa, size, value);
        Result = ResultOf(status);
        if (status == TranslateStatus.Mmio && !_vcpu.MmioWrite(gpa, size, value)) Result = GuestAccessResult.AccessFault;
    }

    private ulong CompareExchangeTracked(Gpa gpa, ulong value, ulong comparand)
    {
        Result = ResultOf(_vcpu.CompareExchangeTracked(gpa, comparand, value, out var found));
        if (Result == GuestAccessResult.Mmio) Result = GuestAccessResult.AccessFault;
        return Result == GuestAccessResult.Memory ? found : 0;
    }

    private ulong FetchAddTracked(Gpa gpa, ulong addend)
    {
        for (ulong guess = 0; ;)
        {
            var found = CompareExchangeTracked(gpa, guess + addend, guess);
            if (Result != GuestAccessResult.Memory || found == guess) return found;
            guess = found;
        }
    }

    private static GuestAccessResult ResultOf(TranslateStatus status) => status switch
    {
        TranslateStatus.Memory => GuestAccessResult.Memory,
        TranslateStatus.Mmio => GuestAccessResult.Mmio,
        TranslateStatus.Error => GuestAccessResult.AccessFault,
        TranslateStatus.PageFault => GuestAccessResult.PageFault,
        TranslateStatus.Tracked => GuestAccessResult.Memory,
        _ => GuestAccessResult.Stopped,
    };

    /// <summary>The engine's own walk over TDP: a table is read and written as the guest's data is.</summary>
    private readonly struct InGuestMode(Vcpu vcpu) : IWalkedTables
    {
        public GuestWalkStatus Read(Gpa gpa, out ulong value)
        {
            var status = Find(gpa, GuestAccess.Read, out var word);
            value = word == null ? 0 : Atomics.Read(ref *word);
            return status;
        }

        public GuestWalkStatus CompareExchange(Gpa gpa, ulong expected, ulong value, out bool exchanged)
        {
            var status = Find(gpa, GuestAccess.Write, out var word);
            exchanged = word != null && Atomics.CompareExchange(ref *word, value, expected) == expected;
            return status;
        }

        private GuestWalkStatus Find(Gpa gpa, GuestAccess access, out ulong* word)
        {
            var status = vcpu.Translate(gpa, access, out var t);
            word = status == TranslateStatus.Memory ? (ulong*)(t.HostPage + gpa.PageOffset) : null;
            return status switch
            {
                TranslateStatus.Memory => GuestWalkStatus.Ok,
                TranslateStatus.Stopped => GuestWalkStatus.Retry,
                _ => GuestWalkStatus.AccessFault,
            };
        }
    }

    /// <summary>The walk that a shadow MMU asks for.</summary>
    private readonly struct OutsideGuestMode(Vcpu vcpu) : IWalkedTables
    {
        public GuestWalkStatus Read(Gpa gpa, out ulong value) =>
            vcpu.ReadGuestWord(gpa, out value) ? GuestWalkStatus.Ok : GuestWalkStatus.AccessFault;

        public GuestWalkStatus CompareExchange(Gpa gpa, ulong expected, ulong value, out bool exchanged) =>
            vcpu.CompareExchangeGuestWord(gpa, expected, value, out exchanged) ? GuestWalkStatus.Ok : GuestWalkStatus.AccessFault;
    }
}
