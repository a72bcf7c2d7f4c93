using System.Diagnostics.Metrics;

namespace Warren.Hypervisor;

/// <summary>
/// The statistics of one VM as instruments of the meter <c>Warren.Hypervisor</c>, tagged <c>vm</c>. They are read only when somebody
/// listens and asks; counting itself costs the same with and without.
/// </summary>
public sealed class VmMetrics : IDisposable
{
    public const string MeterName = "Warren.Hypervisor";

    private readonly Meter _meter = new(MeterName);
    private readonly VirtualMachine _vm;
    private readonly KeyValuePair<string, object?> _tag;

    /// <param name="vm">Dispose this before it.</param>
    /// <param name="name">Value of the tag <c>vm</c>.</param>
    public VmMetrics(VirtualMachine vm, string name)
    {
        _vm = vm;
        _tag = new("vm", name);
        Counter("warren.vm.guest_entries", "Times a vCPU entered guest mode", s => s.Vcpus.GuestEntries);
        Counter("warren.vm.page_faults.mapped", "Page faults that installed a mapping", s => s.Vcpus.FaultsMap + s.Vcpus.FaultsMapHuge);
        Counter("warren.vm.page_faults.retried", "Page faults that started again", s =>
            s.Vcpus.RetriesInvalidation + s.Vcpus.RetriesInvalidSlot + s.Vcpus.RetriesObsoleteRoot + s.Vcpus.RetriesFrozen);
        Counter("warren.vm.mmio_accesses", "Guest accesses that went to the device bus", s => s.Vcpus.MmioAccesses);
        Counter("warren.vm.sptes.set", "Stage-2 entries installed", s => s.Vcpus.SptesSet);
        Counter("warren.vm.sptes.zapped", "Stage-2 entries removed", s => s.Mmu.SptesUnmapped + s.Mmu.SptesZapped);
        Counter("warren.vm.invalidations.related", "Invalidations that hit a memslot", s => s.InvalidationsRelated);
        Counter("warren.vm.invalidations.elided", "Invalidations that did not", s => s.InvalidationsElided);
        Counter("warren.vm.remote_flushes", "Rounds of remote TLB flushes", s => s.RemoteFlushes);
        Counter("warren.vm.memslot_updates", "Memslot updates", s => s.MemslotUpdates);
        _meter.CreateObservableGauge("warren.vm.memslots", () => new Measurement<long>(_vm.Statistics.Memslots, _tag),
            description: "Memslots");
    }

    public void Dispose() => _meter.Dispose();

    private void Counter(string name, string description, Func<VmStatistics, long> value) =>
        _meter.CreateObservableCounter(name, () => new Measurement<long>(value(_vm.Statistics), _tag), description: description);
}
