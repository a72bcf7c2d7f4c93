using Warren.Bench.Harness;
using Warren.Bench.Peers;
using Warren.HostMemory;
using Warren.Hypervisor;
using Warren.Hypervisor.Slots;

namespace Warren.Bench;

/// <summary>Create, move and delete one slot beside 32 to 32764 others.</summary>
internal sealed class MemslotsBenchmark : IBenchmark
{
    private const ulong PageSize = 4096;
    private static readonly int[] Sizes = [32, 512, 4096, VirtualMachine.UserMemslots];

    public string Name => "memslots";

    public string Description => "create, move, delete a memslot beside 32 to 32764 others, against Linux KVM";

    public IEnumerable<BenchResult> Run(BenchContext context)
    {
        foreach (var slots in Sizes)
        {
            context.Cancellation.ThrowIfCancellationRequested();
            context.Progress($"memslots: {slots} slots");
            var ours = Measure(slots, Math.Max(200, context.Repeats * 200));
            var peer = KvmWorkloads.Memslots(slots, Math.Max(20, context.Repeats * 20));
            var name = peer is null ? null : LinuxKvm.PeerName;
            yield return BenchResult.Of(Name, $"create at {slots}", ours.Create, "us", name, peer?.Create);
            yield return BenchResult.Of(Name, $"move at {slots}", ours.Move, "us", name, peer?.Move);
            yield return BenchResult.Of(Name, $"delete at {slots}", ours.Delete, "us", name, peer?.Delete);
        }
    }

    private static (double Create, double Move, double Delete) Measure(int slots, int repeats)
    {
        using var pool = new FramePool(64 << 20);
        using var memory = new AddressSpace(pool);
        var hva = memory.Map(((ulong)slots + 2) * PageSize, VmaProtection.Read | VmaProtection.Write, hugePages: false);
        using var vm = new VirtualMachine(memory);
        UserMemoryRegion Region(int id, ulong gpa, ulong size) =>
            new()
            {
                Slot = (uint)id,
                GuestPhysicalAddress = new Gpa(gpa),
                MemorySize = size,
                UserspaceAddress = hva + ((ulong)id * PageSize),
            };

        for (var i = 0; i < slots - 1; i++) vm.SetUserMemoryRegion(Region(i, (ulong)i * 2 * PageSize, PageSize));
        var last = slots - 1;
        ulong home = (ulong)slots * 4 * PageSize, away = home + (64 * PageSize);
        double[] create = new double[repeats], move = new double[repeats], delete = new double[repeats];
        void Cycle(int i)
        {
            create[i] = Sampler.TimeNs(() => vm.SetUserMemoryRegion(Region(last, home, PageSize))) / 1000;
            move[i] = Sampler.TimeNs(() => vm.SetUserMemoryRegion(Region(last, away, PageSize))) / 1000;
            delete[i] = Sampler.TimeNs(() => vm.SetUserMemoryRegion(Region(last, away, 0))) / 1000;
        }
        Sampler.Warm(() => Cycle(0));
        for (var i = 0; i < repeats; i++) Cycle(i);
        return (Sampler.Median(create), Sampler.Median(move), Sampler.Median(delete));
    }
}
