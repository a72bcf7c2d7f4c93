using System.Collections.Concurrent;
using System.Diagnostics.Tracing;
using Warren.Hypervisor.Slots;
using Warren.Hypervisor.Tests.Tdp;
using Warren.Hypervisor.Tracing;

namespace Warren.Hypervisor.Tests.Tracing;

/// <summary>The tracepoints: what is written, under which names, with which fields.</summary>
public sealed class KvmEventsTests
{
    private const ulong Base = 0x4000_0000;
    private const ulong Page = 4096;

    [Fact]
    public void Everything_that_is_traced_bears_kvms_name_and_its_fields()
    {
        using TdpFixture f = new(Paging.MmuKind.Tdp, new VmOptions { DirtyRingEntries = 128 });
        f.Vm.Bus.Register(new Device(), new Gpa(0x1000), 0x100);
        var hva = f.AddMemory(0, Base, 2 * Page, MemslotFlags.LogDirtyPages);
        using Listener listener = new();
        ScriptedVcpu cpu = new(f.Vm);
        cpu.Store(Base, 1UL);
        cpu.Store(0x1008, 2UL);
        f.Memory.Age(hva, Page, clear: true);
        f.Memory.Age(hva, Page, clear: false);
        f.Memory.Discard(hva, Page);
        f.Vm.ResetDirtyRings();
        f.DeleteSlot(0);

        // Other tests run beside this one: what is looked for is ours by its addresses.
        Assert.True(listener.Has("kvm_entry", ("vcpu_id", cpu.Vcpu.Id)));
        Assert.True(listener.Has("kvm_exit", ("vcpu_id", cpu.Vcpu.Id)));
        Assert.True(listener.Has("kvm_userspace_exit", ("vcpu_id", cpu.Vcpu.Id)));
        Assert.True(listener.Has("kvm_page_fault", ("fault_address", Base), ("error_code", "Write")));
        Assert.True(listener.Has("kvm_mmio", ("type", "write"), ("len", 8), ("gpa", 0x1008UL), ("val", 2UL)));
        Assert.True(listener.Has("kvm_unmap_hva_range", ("start", hva.Value), ("end", hva.Value + Page)));
        Assert.True(listener.Has("kvm_age_hva", ("start", hva.Value), ("end", hva.Value + Page)));
        Assert.True(listener.Has("kvm_test_age_hva", ("hva", hva.Value)));
        Assert.True(listener.Has("kvm_dirty_ring_reset"));
        Assert.True(listener.Has("kvm_mmu_zap_all_fast"));
    }

    private sealed class Device : IMmioDevice
    {
        public string Name => "device";

        public ulong Read(ulong offset, int size) => 0;

        public void Write(ulong offset, int size, ulong value)
        {
        }
    }

    private sealed class Listener : EventListener
    {
        private readonly ConcurrentQueue<EventWrittenEventArgs> _events = new();

        public bool Has(string name, params (string Field, object Value)[] fields) =>
            _events.Any(e => e.EventName == name
                && fields.All(f => e.PayloadNames!.IndexOf(f.Field) is var at and >= 0 && Equals(e.Payload![at], f.Value)));

        protected override void OnEventSourceCreated(EventSource eventSource)
        {
            if (eventSource.Name == KvmEvents.SourceName) EnableEvents(eventSource, EventLevel.LogAlways);
        }

        // The constructor of the base class may call it before ours has run.
        protected override void OnEventWritten(EventWrittenEventArgs eventData) => _events?.Enqueue(eventData);
    }
}
