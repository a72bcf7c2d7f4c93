using Warren.Bench.Harness;
using Warren.HostMemory;
using Warren.Hypervisor;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Slots;
using Warren.Hypervisor.Vcpus;

namespace Warren.Bench;

/// <summary>
/// The memory that a VM's MMU keeps beside the guest's, for each GiB of it: before a vCPU has run, with the first root, and with every page
/// mapped by one SPTE. Bytes, not time. Reverse maps are what TDP saves, and what a shadow VM does not pay before its first root.
/// </summary>
internal sealed class RmapBenchmark : IBenchmark
{
    private const ulong PageSize = VirtualMachine.PageSize;
    private const ulong GuestPages = 1UL << 18;
    private const ulong TableGfn = 0x10_0000;
    private const int TablePages = 1024;
    private const double KiB = 1024;

    /// <summary>Reverse maps 0.2 % of guest memory, counts of write tracking 0.05 %.</summary>
    private const double PublishedFraction = 0.0025;
    private const string Published = "Linux KVM as published (0.2 % + 0.05 %; not measured here)";

    public string Name => "rmap";

    public string Description =>
        "metadata for each GiB of guest memory under TDP and shadow, before and after the first root, against KVM's published figures";

    public IEnumerable<BenchResult> Run(BenchContext context)
    {
        foreach (var kind in new[] { MmuKind.Tdp, MmuKind.Shadow })
        {
            context.Cancellation.ThrowIfCancellationRequested();
            context.Progress($"rmap: {kind}");
            using var guest = new Guest(kind);
            var before = guest.Metadata;
            guest.Cpu.Load<ulong>(0);
            var root = guest.Metadata;
            guest.TouchAll();
            var direct = guest.Metadata;
            // TDP never makes any, and neither does KVM for a VM with TDP.
            yield return Row($"{kind}: per slot, before the first root", before.Slots, 0);
            yield return Row($"{kind}: per slot, after the first root", root.Slots,
                kind == MmuKind.Tdp ? 0 : PublishedFraction * (1 << 30));
            yield return Row($"{kind}: all, every page mapped, guest without translation", direct.Total);
            if (kind == MmuKind.Tdp) continue;
            context.Progress($"rmap: {kind}, tables of the guest");
            using var paged = new Guest(kind);
            paged.EnterTables();
            paged.TouchAll();
            yield return Row($"{kind}: all, every page mapped, guest with 4 KiB pages", paged.Metadata.Total);
            yield return Row($"{kind}: of that tables", paged.Metadata.Tables);
        }
    }

    private BenchResult Row(string name, long bytes, double? peerBytes = null) =>
        BenchResult.Of(Name, name, bytes / KiB, "KiB/GiB", peerBytes is null ? null : Published, peerBytes / KiB);

    /// <summary>A VM with 1 GiB from gpa 0 and a slot beside it for its tables, host pages of 4 KiB.</summary>
    private sealed class Guest : IDisposable
    {
        private readonly FramePool _pool = new((long)((GuestPages + TablePages) * PageSize) + (64 << 20));
        private readonly AddressSpace _memory;
        private readonly VirtualMachine _vm;

        public Guest(MmuKind kind)
        {
            _memory = new AddressSpace(_pool);
            _vm = new VirtualMachine(_memory, new VmOptions { Mmu = kind, HugePages = false });
            AddSlot(0, 0, GuestPages);
            Cpu = new ScriptedVcpu(_vm);
        }

        public ScriptedVcpu Cpu { get; }

        public MmuMetadata Metadata => _vm.Statistics.MmuMetadata;

        public void TouchAll()
        {
            for (ulong page = 0; page < GuestPages; page++) Cpu.Store(page * PageSize, page);
        }

        /// <summary>Every page under its own address, in tables of the guest that lie in a slot of their own.</summary>
        public void EnterTables()
        {
            AddSlot(1, TableGfn, TablePages);
            var tables = new GuestTables(_vm, TableGfn, TablePages);
            for (ulong page = 0; page < GuestPages; page++) tables.Map(page * PageSize, page, GuestRights.Read | GuestRights.Write);
            Cpu.SetGuestRoot(tables.Root);
        }

        public void Dispose()
        {
            _vm.Dispose();
            _memory.Dispose();
            _pool.Dispose();
        }

        private void AddSlot(uint id, ulong gfn, ulong pages) => _vm.SetUserMemoryRegion(new UserMemoryRegion
        {
            Slot = id,
            GuestPhysicalAddress = new Gpa(gfn * PageSize),
            MemorySize = pages * PageSize,
            UserspaceAddress = _memory.Map(pages * PageSize, VmaProtection.Read | VmaProtection.Write, hugePages: false),
        });
    }
}
