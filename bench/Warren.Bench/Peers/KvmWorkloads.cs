using Warren.Bench.Harness;

namespace Warren.Bench.Peers;

/// <summary>The benchmarks' workloads done by Linux KVM. Each returns medians in the unit its benchmark reports.</summary>
internal static unsafe class KvmWorkloads
{
    private const ulong PageSize = 4096;

    /// <summary>touch: mov [edi], al; add edi, 4096; dec ecx; jnz touch; hlt.</summary>
    private static ReadOnlySpan<byte> TouchPages => [0x88, 0x07, 0x81, 0xC7, 0x00, 0x10, 0x00, 0x00, 0x49, 0x75, 0xF5, 0xF4];

    /// <summary>Median microseconds of creating, moving and deleting a one-page slot beside <paramref name="slots"/> others.</summary>
    public static (double Create, double Move, double Delete)? Memslots(int slots, int repeats)
    {
        using var kvm = LinuxKvm.TryOpen();
        if (kvm is null) return null;
        var length = (nuint)((ulong)slots + 2) * (nuint)PageSize;
        var memory = HostMap.Map(length);
        try
        {
            using var vm = kvm.NewVm();
            for (var i = 0; i < slots - 1; i++)
                vm.SetRegion((uint)i, (ulong)i * 2 * PageSize, PageSize, memory + (nint)((ulong)i * PageSize));
            var last = (uint)(slots - 1);
            var hva = memory + (nint)((ulong)slots * PageSize);
            ulong home = (ulong)slots * 4 * PageSize, away = home + (64 * PageSize);
            double[] create = new double[repeats], move = new double[repeats], delete = new double[repeats];
            for (var i = 0; i < repeats; i++)
            {
                create[i] = Sampler.TimeNs(() => vm.SetRegion(last, home, PageSize, hva)) / 1000;
                move[i] = Sampler.TimeNs(() => vm.SetRegion(last, away, PageSize, hva)) / 1000;
                delete[i] = Sampler.TimeNs(() => vm.SetRegion(last, away, 0, hva)) / 1000;
            }
            return (Sampler.Median(create), Sampler.Median(move), Sampler.Median(delete));
        }
        finally
        {
            HostMap.Unmap(memory, length);
        }
    }

    /// <summary>
    /// Median microseconds of deleting a one-page slot while <paramref name="pages"/> pages of others are mapped, all of them aliases of
    /// <paramref name="window"/> pages of the host. The guest's vCPUs are out of the guest, or write to the pages without pause.
    /// </summary>
    public static double? Zap(int pages, int window, int busyVcpus, int repeats)
    {
        using var kvm = LinuxKvm.TryOpen();
        if (kvm is null) return null;
        const ulong dataBase = 16 << 20;
        var length = (nuint)((ulong)window * PageSize);
        var code = HostMap.Map((nuint)PageSize);
        var memory = HostMap.Map(length);
        HostMap.SmallPagesOnly(memory, length);
        try
        {
            TouchPages.CopyTo(new Span<byte>((void*)code, TouchPages.Length));
            using var vm = kvm.NewVm();
            vm.SetRegion(0, 0, PageSize, code);
            for (var first = 0; first < pages; first += window)
            {
                vm.SetRegion((uint)(1 + (first / window)), dataBase + ((ulong)first * PageSize),
                    (ulong)Math.Min(window, pages - first) * PageSize, memory);
            }
            var cpus = Enumerable.Range(0, Math.Max(1, busyVcpus)).Select(vm.NewVcpu).ToArray();
            var share = pages / cpus.Length;
            void Touch(int i)
            {
                cpus[i].Start(0, (uint)share, (uint)(dataBase + ((ulong)i * (ulong)share * PageSize)));
                cpus[i].RunToHalt();
            }
            var samples = new double[repeats];
            void Delete(int i)
            {
                const uint last = 500;
                if (busyVcpus == 0) Touch(0);
                vm.SetRegion(last, 1UL << 36, PageSize, memory);
                samples[i] = Sampler.TimeNs(() => vm.SetRegion(last, 1UL << 36, 0, memory)) / 1000;
            }
            Parallelism.WhileBusy(busyVcpus, Touch, repeats, Delete);
            foreach (var cpu in cpus) cpu.Dispose();
            return Sampler.Median(samples);
        }
        finally
        {
            HostMap.Unmap(code, (nuint)PageSize);
            HostMap.Unmap(memory, length);
        }
    }

    /// <summary>
    /// Median microseconds of MADV_DONTNEED on one unrelated touched page, with <paramref name="vms"/> VMs in the process.
    /// </summary>
    public static double? Invalidate(int vms, int repeats)
    {
        using var kvm = LinuxKvm.TryOpen();
        if (kvm is null) return null;
        var guest = HostMap.Map((nuint)PageSize * 16);
        var unrelated = HostMap.Map((nuint)PageSize * 16);
        var list = new List<LinuxKvm.Vm>();
        try
        {
            for (var i = 0; i < vms; i++)
            {
                var vm = kvm.NewVm();
                list.Add(vm);
                vm.SetRegion(0, 0, PageSize * 16, guest);
            }
            return Sampler.Median(Enumerable.Range(0, repeats).Select(_ =>
            {
                *(byte*)unrelated = 1;                 // the touch is not timed: an absent page would cost nothing to discard
                return Sampler.TimeNs(() => HostMap.Discard(unrelated, (nuint)PageSize)) / 1000;
            }));
        }
        finally
        {
            foreach (var vm in list) vm.Dispose();
            HostMap.Unmap(guest, (nuint)PageSize * 16);
            HostMap.Unmap(unrelated, (nuint)PageSize * 16);
        }
    }

    /// <summary>
    /// Median nanoseconds a page of a guest's first touch of <paramref name="pages"/> pages a vCPU, host memory untouched before.
    /// </summary>
    public static double? FirstTouch(int vcpus, int pages, int repeats)
    {
        using var kvm = LinuxKvm.TryOpen();
        if (kvm is null) return null;
        return Sampler.Median(Enumerable.Range(0, repeats).Select(_ => FirstTouchOnce(kvm, vcpus, pages)));
    }

    private static double FirstTouchOnce(LinuxKvm kvm, int vcpus, int pages)
    {
        const ulong dataBase = 16 << 20;
        var length = (nuint)(dataBase + ((ulong)vcpus * (ulong)pages * PageSize));
        var memory = HostMap.Map(length);
        HostMap.SmallPagesOnly(memory, length);
        try
        {
            TouchPages.CopyTo(new Span<byte>((void*)memory, TouchPages.Length));
            using var vm = kvm.NewVm();
            vm.SetRegion(0, 0, length, memory);
            var cpus = Enumerable.Range(0, vcpus).Select(vm.NewVcpu).ToArray();
            for (var i = 0; i < vcpus; i++) cpus[i].Start(0, (uint)pages, (uint)(dataBase + ((ulong)i * (ulong)pages * PageSize)));
            var ns = Parallelism.TimeNs(vcpus, i => cpus[i].RunToHalt());
            foreach (var cpu in cpus) cpu.Dispose();
            return ns / ((double)vcpus * pages);
        }
        finally
        {
            HostMap.Unmap(memory, length);
        }
    }

    /// <summary>
    /// Median microseconds of one KVM_GET_DIRTY_LOG over <paramref name="pages"/> pages of which every <paramref name="stride"/>th was
    /// written.
    /// </summary>
    public static double? DirtyLog(int pages, int stride, int repeats)
    {
        using var kvm = LinuxKvm.TryOpen();
        if (kvm is null) return null;
        const ulong dataBase = 16 << 20;
        const uint logDirty = 1;
        var length = (nuint)((ulong)pages * PageSize);
        var code = HostMap.Map((nuint)PageSize);
        var memory = HostMap.Map(length);
        HostMap.SmallPagesOnly(memory, length);
        try
        {
            // touch: inc byte [edi]; add edi, stride * 4096; dec ecx; jnz touch; hlt
            Span<byte> program = [0xFE, 0x07, 0x81, 0xC7, 0, 0, 0, 0, 0x49, 0x75, 0xF5, 0xF4];
            BitConverter.TryWriteBytes(program[4..], stride * (int)PageSize);
            program.CopyTo(new Span<byte>((void*)code, program.Length));
            using var vm = kvm.NewVm();
            vm.SetRegion(0, 0, PageSize, code);
            vm.SetRegion(1, dataBase, length, memory, logDirty);
            using var cpu = vm.NewVcpu(0);
            var bitmap = new ulong[(pages + 63) / 64];
            var samples = new double[repeats];
            for (var i = 0; i < repeats; i++)
            {
                cpu.Start(0, (uint)(pages / stride), (uint)dataBase);
                cpu.RunToHalt();
                samples[i] = Sampler.TimeNs(() => vm.GetDirtyLog(1, bitmap)) / 1000;
            }
            return Sampler.Median(samples);
        }
        finally
        {
            HostMap.Unmap(code, (nuint)PageSize);
            HostMap.Unmap(memory, length);
        }
    }
}
