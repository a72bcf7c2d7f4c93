using System.Diagnostics.Metrics;
using Warren.HostMemory;

namespace Warren.Hypervisor.Tests;

public sealed class VmMetricsTests
{
    [Fact]
    public void Instruments_report_the_statistics_of_their_vm()
    {
        using var t = new SlotsVm();
        using var metrics = new VmMetrics(t.Vm, "one");
        var seen = new Dictionary<string, long>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, l) =>
            {
                if (instrument.Meter.Name == VmMetrics.MeterName) l.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            // Other tests may have meters of the same name.
            if (tags.Length == 1 && tags[0] is { Key: "vm", Value: "one" }) seen[instrument.Name] = value;
        });
        listener.Start();
        var hva = t.Memory.Map(8 * SlotsVm.Page, VmaProtection.Read | VmaProtection.Write);
        t.Set(0, 0, 4, hva);
        t.Memory.Discard(hva, SlotsVm.Page);
        t.Memory.Discard(hva + 4 * SlotsVm.Page, SlotsVm.Page);
        listener.RecordObservableInstruments();
        Assert.Equal(1, seen["warren.vm.memslots"]);
        Assert.Equal(1, seen["warren.vm.memslot_updates"]);
        Assert.Equal(1, seen["warren.vm.invalidations.related"]);
        Assert.Equal(t.Vm.Statistics.InvalidationsElided, seen["warren.vm.invalidations.elided"]);
        Assert.Equal(0, seen["warren.vm.guest_entries"]);
        Assert.Equal(11, seen.Count);
    }
}
