using System.Runtime.InteropServices;

namespace Warren.Bench.Peers;

/// <summary>
/// Linux's own KVM through <c>/dev/kvm</c>: the peer for memslots, invalidations, faults and dirty logs. Only what the benchmarks compare
/// is here (Documentation/virt/kvm/api.rst). Not used by Warren itself.
/// </summary>
public sealed unsafe partial class LinuxKvm : IDisposable
{
    /// <summary>Name under which results state this peer.</summary>
    public const string PeerName = "linux-kvm";

    private const int OpenReadWriteCloseOnExec = 0x80002;
    private const ulong CreateVm = 0xAE01, CreateVcpu = 0xAE41, GetVcpuMmapSize = 0xAE04;
    private const ulong SetUserMemoryRegion = 0x4020_AE46, GetDirtyLogRequest = 0x4010_AE42, RunRequest = 0xAE80;
    private const ulong GetSregs = 0x8138_AE83, SetSregs = 0x4138_AE84, SetRegs = 0x4090_AE82;

    private readonly int _system;

    private LinuxKvm(int system) => _system = system;

    /// <summary>Opens <c>/dev/kvm</c>; null where it is absent or not permitted, and then there is no peer.</summary>
    public static LinuxKvm? TryOpen()
    {
        var fd = Open("/dev/kvm", OpenReadWriteCloseOnExec);
        return fd < 0 ? null : new LinuxKvm(fd);
    }

    /// <summary>Creates a VM without memory.</summary>
    public Vm NewVm() => new(this, Check(Ioctl(_system, CreateVm, 0), "KVM_CREATE_VM"));

    public void Dispose() => _ = Close(_system);

    private static int Check(int result, string what) =>
        result >= 0 ? result : throw new InvalidOperationException($"{what} failed with errno {Marshal.GetLastPInvokeError()}.");

    /// <summary>One KVM VM.</summary>
    public sealed class Vm : IDisposable
    {
        private readonly LinuxKvm _kvm;
        private readonly int _fd;

        internal Vm(LinuxKvm kvm, int fd) => (_kvm, _fd) = (kvm, fd);

        /// <summary>
        /// KVM_SET_USER_MEMORY_REGION; <paramref name="size"/> 0 deletes, bit 0 of <paramref name="flags"/> logs dirty pages.
        /// </summary>
        public void SetRegion(uint slot, ulong gpa, ulong size, nint hva, uint flags = 0)
        {
            var region = stackalloc ulong[4];
            region[0] = slot | ((ulong)flags << 32);
            region[1] = gpa;
            region[2] = size;
            region[3] = (ulong)hva;
            Check(Ioctl(_fd, SetUserMemoryRegion, (nint)region), "KVM_SET_USER_MEMORY_REGION");
        }

        /// <summary>KVM_GET_DIRTY_LOG into <paramref name="bitmap"/> (one bit a page, rounded up to 64).</summary>
        public void GetDirtyLog(uint slot, Span<ulong> bitmap)
        {
            fixed (ulong* bits = bitmap)
            {
                var log = stackalloc ulong[2];
                log[0] = slot;
                log[1] = (ulong)bits;
                Check(Ioctl(_fd, GetDirtyLogRequest, (nint)log), "KVM_GET_DIRTY_LOG");
            }
        }

        /// <summary>Creates a vCPU.</summary>
        public Vcpu NewVcpu(int id)
        {
            var fd = Check(Ioctl(_fd, CreateVcpu, id), "KVM_CREATE_VCPU");
            var size = Check(Ioctl(_kvm._system, GetVcpuMmapSize, 0), "KVM_GET_VCPU_MMAP_SIZE");
            return new Vcpu(fd, size);
        }

        public void Dispose() => _ = Close(_fd);
    }

    /// <summary>One x86 vCPU that runs flat 32-bit code until it halts.</summary>
    public sealed class Vcpu : IDisposable
    {
        private const int ExitReasonOffset = 8, ExitHalt = 5;
        private readonly int _fd, _runSize;
        private readonly byte* _run;

        internal Vcpu(int fd, int runSize)
        {
            (_fd, _runSize) = (fd, runSize);
            _run = (byte*)HostMap.Map((nuint)runSize, shared: true, fd);
        }

        /// <summary>Sets flat protected mode, <paramref name="eip"/>, ecx and edi.</summary>
        public void Start(uint eip, uint ecx, uint edi)
        {
            const int segmentSize = 24, cr0Offset = 224;
            var sregs = stackalloc byte[0x138];
            Check(Ioctl(_fd, GetSregs, (nint)sregs), "KVM_GET_SREGS");
            for (var i = 0; i < 6; i++)
            {
                var s = sregs + (i * segmentSize);
                *(ulong*)s = 0;
                *(uint*)(s + 8) = uint.MaxValue;
                *(ushort*)(s + 12) = 8;
                s[14] = (byte)(i == 0 ? 11 : 3);     // code: execute/read/accessed; data: read/write/accessed
                s[15] = 1;
                s[17] = 1;                            // 32-bit
                s[18] = 1;
                s[20] = 1;                            // limit in pages
            }
            *(ulong*)(sregs + cr0Offset) |= 1;
            Check(Ioctl(_fd, SetSregs, (nint)sregs), "KVM_SET_SREGS");
            var regs = stackalloc ulong[18];
            new Span<ulong>(regs, 18).Clear();
            regs[2] = ecx;
            regs[5] = edi;
            regs[16] = eip;
            regs[17] = 2;
            Check(Ioctl(_fd, SetRegs, (nint)regs), "KVM_SET_REGS");
        }

        /// <summary>Runs until HLT; any other exit is an error.</summary>
        public void RunToHalt()
        {
            Check(Ioctl(_fd, RunRequest, 0), "KVM_RUN");
            var reason = *(int*)(_run + ExitReasonOffset);
            if (reason != ExitHalt) throw new InvalidOperationException($"The KVM guest left with exit reason {reason} instead of HLT.");
        }

        public void Dispose()
        {
            HostMap.Unmap((nint)_run, (nuint)_runSize);
            _ = Close(_fd);
        }
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int fd);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Ioctl(int fd, ulong request, nint argument);
}
