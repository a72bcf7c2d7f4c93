using System.Diagnostics;
using Warren.Bench.Harness;
using Warren.Bench.Peers;
using Warren.HostMemory;
using Warren.Hypervisor;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Slots;
using Warren.Hypervisor.Vcpus;

namespace Warren.Bench;

/// <summary>
/// Deletes a slot of one page while others are mapped with 1 thousand to 1 million SPTEs, which the deletion zaps: how long it takes, and
/// for how long it holds mmu_lock at a stretch; then the same under four vCPUs that fault without pause: how many of the tables there were
/// when the zap began it had to free.
/// </summary>
internal sealed class ZapBenchmark : IBenchmark
{
    private const int Window = 16384;
    private const int BusyPages = 65536;
    private const int BusyVcpus = 4;
    private static readonly int[] Sizes = [1_000, 10_000, 100_000, 1_000_000];

    public string Name => "zap";

    public string Description =>
        "delete a memslot beside 1 thousand to 1 million mapped pages, and under 4 faulting vCPUs, against Linux KVM";

    public IEnumerable<BenchResult> Run(BenchContext context)
    {
        foreach (var kind in MmuKind.All)
        {
            WarmUp(kind);
            foreach (var pages in Sizes)
            {
                context.Cancellation.ThrowIfCancellationRequested();
                context.Progress($"zap: {kind}, {pages} SPTEs");
                var ours = Idle(kind, pages, context.Repeats);
                var peer = KvmWorkloads.Zap(pages, Window, 0, context.Repeats);
                yield return BenchResult.Of(Name, $"{kind}: delete, {pages} SPTEs", ours.Us, "us", peer is null ? null : LinuxKvm.PeerName,
                    peer);
                yield return BenchResult.Of(Name, $"{kind}: longest hold of mmu_lock, {pages} SPTEs", ours.HoldUs, "us");
            }

            context.Progress($"zap: {kind}, {BusyVcpus} vCPUs");
            var deletions = context.Repeats * 10;
            var busy = Busy(kind, deletions);
            var busyPeer = KvmWorkloads.Zap(BusyPages, Window, BusyVcpus, deletions);
            yield return BenchResult.Of(Name, $"{kind}: delete, {BusyVcpus} vCPUs faulting", busy.Us, "us",
                busyPeer is null ? null : LinuxKvm.PeerName, busyPeer);
            yield return BenchResult.Of(Name, $"{kind}: longest hold of mmu_lock, {BusyVcpus} vCPUs faulting", busy.HoldUs, "us");
            yield return BenchResult.Of(Name, $"{kind}: tables freed by the zap / tables at the toggle, {BusyVcpus} vCPUs faulting",
                busy.Freed, "ratio");
        }
    }

    private static void WarmUp(MmuKind kind) => Sampler.Warm(() =>
    {
        using var guest = new AliasedGuest(kind, Window, 1);
        guest.Populate(0);
        guest.AddAndDelete();
    });

    /// <summary>Median time, and median over the samples of the longest hold: each sample has a VM of its own.</summary>
    private static (double Us, double HoldUs) Idle(MmuKind kind, int pages, int repeats)
    {
        double[] us = new double[repeats], hold = new double[repeats];
        for (var i = 0; i < repeats; i++)
        {
            using var guest = new AliasedGuest(kind, pages, 1);
            guest.Populate(0);
            us[i] = guest.AddAndDelete();
            hold[i] = guest.LongestHoldUs;
        }
        return (Sampler.Median(us), Sampler.Median(hold));
    }

    private static (double Us, double HoldUs, double Freed) Busy(MmuKind kind, int deletions)
    {
        using var guest = new AliasedGuest(kind, BusyPages, BusyVcpus);
        var us = new double[deletions];
        Parallelism.WhileBusy(BusyVcpus, guest.Populate, deletions, i => us[i] = guest.AddAndDelete());
        var mmu = guest.Vm.Statistics.Mmu;
        return (Sampler.Median(us), guest.LongestHoldUs, mmu.TablesZapped / (double)mmu.TablesAtToggle);
    }

    /// <summary>Guest memory of any size over a window of host memory, mapped again and again: SPTEs without end for few frames.</summary>
    private sealed class AliasedGuest : IDisposable
    {
        private const uint Doomed = 500;
        private readonly FramePool _pool = new((Window * (long)GuestMemory.PageSize) + (64 << 20));
        private readonly AddressSpace _memory;
        private readonly Vcpu[] _vcpus;
        private readonly Hva _hva;

        public AliasedGuest(MmuKind kind, int pages, int vcpus)
        {
            _memory = new AddressSpace(_pool);
            _hva = _memory.Map(Window * GuestMemory.PageSize, VmaProtection.Read | VmaProtection.Write, hugePages: false);
            Vm = new VirtualMachine(_memory, new VmOptions { HugePages = false, Mmu = kind });
            for (var first = 0; first < pages; first += Window)
                Set((uint)(first / Window), GuestMemory.Base + ((ulong)first * GuestMemory.PageSize), Math.Min(Window, pages - first));
            var share = (ulong)(pages / vcpus);
            _vcpus = [.. Enumerable.Range(0, vcpus)
                .Select(i => Vm.CreateVcpu(new ScriptedEngine(new GuestMemory.PageWriter((ulong)i * share, share, 1))))];
        }

        public VirtualMachine Vm { get; }

        /// <summary>Microseconds, with what the thread spent off the CPU meanwhile: of worth on a quiet machine only.</summary>
        public double LongestHoldUs => Vm.Statistics.Mmu.LongestZapHold * (1e6 / Stopwatch.Frequency);

        /// <summary>Has a vCPU write to each page of its share.</summary>
        public void Populate(int vcpu) => GuestMemory.RunToEnd(_vcpus[vcpu]);

        /// <summary>Microseconds that the deletion of a slot takes, which has just been created.</summary>
        public double AddAndDelete()
        {
            Set(Doomed, 1UL << 40, 1);
            return Sampler.TimeNs(() => Set(Doomed, 0, 0)) / 1000;
        }

        public void Dispose()
        {
            Vm.Dispose();
            _memory.Dispose();
            _pool.Dispose();
        }

        private void Set(uint slot, ulong gpa, int pages) =>
            Vm.SetUserMemoryRegion(new UserMemoryRegion
            {
                Slot = slot,
                GuestPhysicalAddress = new Gpa(gpa),
                MemorySize = (ulong)pages * GuestMemory.PageSize,
                UserspaceAddress = _hva,
            });
    }
}
