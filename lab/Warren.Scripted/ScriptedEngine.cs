using System.Runtime.CompilerServices;
using Warren.HostMemory;
using Warren.Hypervisor;
using Warren.Hypervisor.Vcpus;
using Warren.Locking;

namespace Warren.Scripted;

/// <summary>
/// An engine whose guest is C# code: its loads, stores and code fetches go through a software TLB, <see cref="Vcpu.Translate"/> or
/// <see cref="Vcpu.TranslateVirtual"/>, requests and modes exactly as a guest CPU's do. Tests, benchmarks and the explorer drive the memory
/// half with it.
/// </summary>
public sealed unsafe partial class ScriptedEngine : IVcpuEngine
{
    private readonly ScriptedTlb _tlb = new();
    private readonly DecodedWord[] _decoded = new DecodedWord[64];
    private Vcpu _vcpu = null!;

    /// <param name="program">what to execute</param>
    /// <param name="setsAccessedDirty">whether a walk of the guest's tables sets A and D (Svadu) or faults where they are missing
    /// (Svade)</param>
    public ScriptedEngine(IGuestProgram? program = null, bool setsAccessedDirty = true)
    {
        Program = program;
        _setsMarks = setsAccessedDirty;
    }

    /// <summary>The program to execute; change it only while the vCPU does not run.</summary>
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
        var program = Program;
        if (program is null) return new(VcpuExitReason.Halted);
        while (!vcpu.RequestPending)
        {
            if (budget <= 0) return new(VcpuExitReason.Budget);
            budget--;
            Result = GuestAccessResult.Memory;
            var step = program.Step(this);
            if (Stopped) return new(VcpuExitReason.Interrupted);
            Steps++;
            if (step == GuestStep.Done) return new(VcpuExitReason.EnvironmentCall);
            if (step == GuestStep.Halt) return new(VcpuExitReason.Halted);
        }
        return new(VcpuExitReason.Interrupted);
    }

    public void FlushTlb() => _tlb.Flush();

    /// <summary>Loads a naturally aligned value of 1, 2, 4 or 8 bytes; 0 unless <see cref="Result"/> is Memory or Mmio.</summary>
    /// <param name="address">the guest's: physical while it has no translation</param>
    public T Load<T>(ulong address) where T : unmanaged
    {
        var host = Access<T>(address, GuestAccess.Read, out var gpa, out _);
        if (host != null)
        {
            if (sizeof(T) == 8) return Unsafe.BitCast<ulong, T>(Atomics.Read(ref *(ulong*)host));
            if (sizeof(T) == 4) return Unsafe.BitCast<uint, T>(Atomics.Read(ref *(uint*)host));
            return Atomics.Read(ref *host) is var low && sizeof(T) == 1 ? Unsafe.BitCast<byte, T>(low) : Unsafe.BitCast<ushort,
                T>(Atomics.Read(ref *(ushort*)host));
        }
        if (Result != GuestAccessResult.Mmio) return default;
        if (!_vcpu.MmioRead(gpa, sizeof(T), out var value)) Result = GuestAccessResult.AccessFault;
        return Unsafe.As<ulong, T>(ref value);
    }

    /// <summary>Stores a naturally aligned value of 1, 2, 4 or 8 bytes.</summary>
    public void Store<T>(ulong address, T value) where T : unmanaged
    {
        var host = Access<T>(address, GuestAccess.Write, out var gpa, out var tracked);
        if (host != null)
        {
            if (sizeof(T) == 8) Atomics.Write(ref *(ulong*)host, Unsafe.BitCast<T, ulong>(value));
            else if (sizeof(T) == 4) Atomics.Write(ref *(uint*)host, Unsafe.BitCast<T, uint>(value));
            else if (sizeof(T) == 2) Atomics.Write(ref *(ushort*)host, Unsafe.BitCast<T, ushort>(value));
            else Atomics.Write(ref *host, Unsafe.BitCast<T, byte>(value));
            return;
        }
        ulong wide = 0;
        Unsafe.As<ulong, T>(ref wide) = value;
        if (tracked) StoreTracked(gpa, sizeof(T), wide);
        else if (Result == GuestAccessResult.Mmio && !_vcpu.MmioWrite(gpa, sizeof(T), wide)) Result = GuestAccessResult.AccessFault;
    }

    /// <summary>An atomic compare-exchange on aligned memory; an access fault on a device.</summary>
    /// <returns>the value found</returns>
    public ulong CompareExchange(ulong address, ulong value, ulong comparand)
    {
        var host = Access<ulong>(address, GuestAccess.Write, out var gpa, out var tracked);
        if (tracked) return CompareExchangeTracked(gpa, value, comparand);
        if (host != null) return Atomics.CompareExchange(ref *(ulong*)host, value, comparand);
        if (Result == GuestAccessResult.Mmio) Result = GuestAccessResult.AccessFault;
        return 0;
    }

    /// <summary>An atomic add on aligned memory; an access fault on a device. Returns the value found.</summary>
    public ulong FetchAdd(ulong address, ulong addend)
    {
        var host = Access<ulong>(address, GuestAccess.Write, out var gpa, out var tracked);
        if (tracked) return FetchAddTracked(gpa, addend);
        if (host != null) return Atomics.Add(ref *(ulong*)host, addend) - addend;
        if (Result == GuestAccessResult.Mmio) Result = GuestAccessResult.AccessFault;
        return 0;
    }

    /// <summary>A full memory barrier of the guest.</summary>
    public static void Fence() => Atomics.Fence();

    /// <summary>
    /// Fetches a 4-byte word as code: decoded once, kept while the frame's code state stands, as an engine keeps translated blocks.
    /// </summary>
    public uint Fetch(ulong address)
    {
        ref var word = ref _decoded[(address >> 2) % (ulong)_decoded.Length];
        var status = Translate(new Gva(address), GuestAccess.Execute, out var t, out _);
        if (status != TranslateStatus.Memory)
        {
            Result = status == TranslateStatus.Mmio ? GuestAccessResult.AccessFault : ResultOf(status);
            return 0;
        }
        if (word.Valid && word.Address == address && word.Pfn == t.Pfn && word.Version == Atomics.Read(ref *t.CodeState))
            return word.Value;
        word = new DecodedWord
        {
            Valid = true,
            Address = address,
            Pfn = t.Pfn,
            Version = t.CodeVersion,
            Value = Atomics.Read(ref *(uint*)(t.HostPage + (address & 0xfff)))
        };
        Decodes++;
        return word.Value;
    }

    /// <summary>Host address of the access, or null with <see cref="Result"/> set.</summary>
    private byte* Access<T>(ulong address, GuestAccess access, out Gpa gpa, out bool tracked) where T : unmanaged
    {
        if ((address & (ulong)sizeof(T) - 1) != 0)
            throw new ArgumentException($"A scripted access of {sizeof(T)} bytes at 0x{address:x} is not aligned.", nameof(address));
        gpa = default;
        tracked = false;
        var page = _tlb.Lookup(address, access == GuestAccess.Write);
        if (page == null)
        {
            TlbMisses++;
            var status = Translate(new Gva(address), access, out var t, out gpa);
            Result = ResultOf(status);
            tracked = status == TranslateStatus.Tracked;
            if (status != TranslateStatus.Memory) return null;
            page = t.HostPage;
            _tlb.Fill(address, page, t.Writable);
        }
        return page + (address & 0xfff);
    }

    private struct DecodedWord
    {
        public ulong Address;
        public Pfn Pfn;
        public int Version;
        public uint Value;
        public bool Valid;
    }
}
