using Warren.Bench.Harness;
using Warren.Bench.Peers;
using Warren.HostMemory;
using Warren.Hypervisor;
using Warren.Hypervisor.Slots;

namespace Warren.Bench;

/// <summary>
/// Discarding one page that no VM maps, with 0 to 1000 VMs in the address space. Two cases a size: the page is present (it must be freed,
/// as the peer's is), and the notification alone, which is what elision is about.
/// </summary>
internal sealed class InvalidateBenchmark : IBenchmark
{
    private const ulong PageSize = 4096;
    private static readonly int[] Vms = [0, 1, 10, 100, 1000];

    public string Name => "invalidate";

    public string Description => "discard one unrelated page with 0 to 1000 VMs in the address space, against Linux KVM";

    public IEnumerable<BenchResult> Run(BenchContext context)
    {
        foreach (var count in Vms)
        {
            context.Cancellation.ThrowIfCancellationRequested();
            context.Progress($"invalidate: {count} VMs");
            var (present, absent) = Measure(count, context.Repeats);
            var peer = KvmWorkloads.Invalidate(count, context.Repeats * 40);
            var name = peer is null ? null : LinuxKvm.PeerName;
            yield return BenchResult.Of(Name, $"touched page, {count} VMs", present, "us", name, peer);
            yield return BenchResult.Of(Name, $"absent page, {count} VMs", absent, "us");
        }
    }

    private static (double Present, double Absent) Measure(int count, int repeats)
    {
        using var pool = new FramePool(64 << 20);
        using var memory = new AddressSpace(pool);
        var guest = memory.Map(16 * PageSize, VmaProtection.Read | VmaProtection.Write, hugePages: false);
        var unrelated = memory.Map(16 * PageSize, VmaProtection.Read | VmaProtection.Write, hugePages: false);
        var vms = new List<VirtualMachine>();
        try
        {
            for (var i = 0; i < count; i++)
            {
                var vm = new VirtualMachine(memory);
                vms.Add(vm);
                vm.SetUserMemoryRegion(new UserMemoryRegion
                { GuestPhysicalAddress = new Gpa(0), MemorySize = 16 * PageSize, UserspaceAddress = guest });
            }
            byte[] one = [1];
            double DiscardTouched()
            {
                memory.Write(unrelated, one);          // not timed, as with the peer
                return Sampler.TimeNs(() => memory.Discard(unrelated, PageSize));
            }
            Sampler.Warm(() => DiscardTouched());
            var present = Sampler.Median(Enumerable.Range(0, 400 * repeats).Select(_ => DiscardTouched())) / 1000;
            var absent = Sampler.BatchedNs(20 * repeats, 1000, () => memory.Discard(unrelated, PageSize)) / 1000;
            return (present, absent);
        }
        finally
        {
            foreach (var vm in vms) vm.Dispose();
        }
    }
}
