using System.Runtime.CompilerServices;
using Warren.Locking;

namespace Warren.Hypervisor;

/// <summary>
/// An engine whose guest is C# code: its loads, stores and code fetches go through a software TLB, <see cref="Vcpu.Translate"/>, requests and modes exactly
/// as a guest CPU's do. Tests, benchmarks and the explorer drive the memory half with it.
/// </summary>
public sealed unsafe class ScriptedEngine : IVcpuEngine
{
    private readonly ScriptedTlb _tlb = new();
    private readonly DecodedWord[] _decoded = new DecodedWord[64];
    private Vcpu _vcpu = null!;

    public ScriptedEngine(IGuestProgram? program = null) => Program = program;

    /// <summary>What to execute; change it only while the vCPU does not run.</summary>
    public IGuestProgram? Program { get; set; }

    /// <summary>How the last access went.</summary>
    public GuestAccessResult Result { get; private set; }

    /// <summary>The last access was not done: return from the step at once and change nothing.</summary>
    public bool Stopped => Result == GuestAccessResult.Stopped;

    /// <summary>Steps completed.</summary>
    public long Steps { get; private set; }

    public long TlbMisses { get; private set; }

    internal ScriptedTlb Tlb => _tlb;

    /// <summary>Words decoded anew by <see cref="Fetch"/>.</summary>
    public long Decodes { get; private set; }

    public VcpuExit Execute(Vcpu vcpu, ref long budget)
    {
        ArgumentNullException.ThrowIfNull(vcpu);
        _vcpu = vcpu;
        IGuestProgram? program = Program;
        if (program is null) return new(VcpuExitReason.Halted);
        while (!vcpu.RequestPending)
        {
            if (budget <= 0) return new(VcpuExitReason.Budget);
            budget--;
            Result = GuestAccessResult.Memory;
            GuestStep step = program.Step(this);
            if (Stopped) return new(VcpuExitReason.Interrupted);
            Steps++;
            if (step == GuestStep.Done) return new(VcpuExitReason.EnvironmentCall);
            if (step == GuestStep.Halt) return new(VcpuExitReason.Halted);
        }
        return new(VcpuExitReason.Interrupted);
    }

    public void FlushTlb() => _tlb.Flush();

    /// <summary>Loads a naturally aligned value of 1, 2, 4 or 8 bytes; 0 unless <see cref="Result"/> is Memory or Mmio.</summary>
    public T Load<T>(ulong gpa) where T : unmanaged
    {
        byte* host = Access<T>(gpa, GuestAccess.Read);
        if (host != null)
        {
            if (sizeof(T) == 8) return Unsafe.BitCast<ulong, T>(Atomics.Read(ref *(ulong*)host));
            if (sizeof(T) == 4) return Unsafe.BitCast<uint, T>(Atomics.Read(ref *(uint*)host));
            return Atomics.Read(ref *host) is var low && sizeof(T) == 1 ? Unsafe.BitCast<byte, T>(low) : Unsafe.BitCast<ushort, T>(Atomics.Read(ref *(ushort*)host));
        }
        if (Result != GuestAccessResult.Mmio) return default;
        if (!_vcpu.MmioRead(gpa, sizeof(T), out ulong value)) Result = GuestAccessResult.AccessFault;
        return Unsafe.As<ulong, T>(ref value);
    }

    /// <summary>Stores a naturally aligned value of 1, 2, 4 or 8 bytes.</summary>
    public void Store<T>(ulong gpa, T value) where T : unmanaged
    {
        byte* host = Access<T>(gpa, GuestAccess.Write);
        if (host != null)
        {
            if (sizeof(T) == 8) Atomics.Write(ref *(ulong*)host, Unsafe.BitCast<T, ulong>(value));
            else if (sizeof(T) == 4) Atomics.Write(ref *(uint*)host, Unsafe.BitCast<T, uint>(value));
            else if (sizeof(T) == 2) Atomics.Write(ref *(ushort*)host, Unsafe.BitCast<T, ushort>(value));
            else Atomics.Write(ref *host, Unsafe.BitCast<T, byte>(value));
            return;
        }
        if (Result != GuestAccessResult.Mmio) return;
        ulong wide = 0;
        Unsafe.As<ulong, T>(ref wide) = value;
        if (!_vcpu.MmioWrite(gpa, sizeof(T), wide)) Result = GuestAccessResult.AccessFault;
    }

    /// <summary>An atomic compare-exchange on aligned memory; an access fault on a device.</summary>
    /// <returns>the value found</returns>
    public ulong CompareExchange(ulong gpa, ulong value, ulong comparand)
    {
        byte* host = Access<ulong>(gpa, GuestAccess.Write);
        if (host != null) return Atomics.CompareExchange(ref *(ulong*)host, value, comparand);
        if (Result == GuestAccessResult.Mmio) Result = GuestAccessResult.AccessFault;
        return 0;
    }

    /// <summary>An atomic add on aligned memory; an access fault on a device. Returns the value found.</summary>
    public ulong FetchAdd(ulong gpa, ulong addend)
    {
        byte* host = Access<ulong>(gpa, GuestAccess.Write);
        if (host != null) return Atomics.Add(ref *(ulong*)host, addend) - addend;
        if (Result == GuestAccessResult.Mmio) Result = GuestAccessResult.AccessFault;
        return 0;
    }

    /// <summary>A full memory barrier of the guest.</summary>
    public static void Fence() => Atomics.Fence();

    /// <summary>
    /// Fetches a 4-byte word as code: decoded once, kept while the frame's code state stands, as an engine keeps translated blocks.
    /// </summary>
    public uint Fetch(ulong gpa)
    {
        ref DecodedWord word = ref _decoded[(gpa >> 2) % (ulong)_decoded.Length];
        switch (_vcpu.Translate(gpa, GuestAccess.Execute, out Translation t))
        {
            case TranslateStatus.Memory:
                break;
            case TranslateStatus.Stopped:
                Result = GuestAccessResult.Stopped;
                return 0;
            default:
                Result = GuestAccessResult.AccessFault;
                return 0;
        }
        if (word.Valid && word.Gpa == gpa && word.Frame == t.Frame && word.Version == Atomics.Read(ref *t.CodeState)) return word.Value;
        word = new DecodedWord { Valid = true, Gpa = gpa, Frame = t.Frame, Version = t.CodeVersion, Value = Atomics.Read(ref *(uint*)(t.HostPage + (gpa & 0xfff))) };
        Decodes++;
        return word.Value;
    }

    /// <summary>Host address of the access, or null with <see cref="Result"/> set.</summary>
    private byte* Access<T>(ulong gpa, GuestAccess access) where T : unmanaged
    {
        if ((gpa & (ulong)sizeof(T) - 1) != 0) throw new ArgumentException($"A scripted access of {sizeof(T)} bytes at 0x{gpa:x} is not aligned.", nameof(gpa));
        byte* page = _tlb.Lookup(gpa, access == GuestAccess.Write);
        if (page == null)
        {
            TlbMisses++;
            TranslateStatus status = _vcpu.Translate(gpa, access, out Translation t);
            Result = status switch
            {
                TranslateStatus.Memory => GuestAccessResult.Memory,
                TranslateStatus.Mmio => GuestAccessResult.Mmio,
                TranslateStatus.Error => GuestAccessResult.AccessFault,
                _ => GuestAccessResult.Stopped,
            };
            if (status != TranslateStatus.Memory) return null;
            page = t.HostPage;
            _tlb.Fill(gpa, page, t.Writable);
        }
        return page + (gpa & 0xfff);
    }

    private struct DecodedWord
    {
        public ulong Gpa;
        public int Frame;
        public int Version;
        public uint Value;
        public bool Valid;
    }
}
