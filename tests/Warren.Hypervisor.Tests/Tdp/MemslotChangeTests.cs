using System.Threading;
using Warren.Hypervisor.Paging;
using Warren.Hypervisor.Slots;
using Warren.Hypervisor.Tests.Scripted;
using static Warren.Hypervisor.Tests.Tdp.TdpFixture;

namespace Warren.Hypervisor.Tests.Tdp;

/// <summary>Deleting and moving a memslot under a guest that keeps reading it.</summary>
public abstract class MemslotChangeTests(MmuKind mmu)
{
    private const ulong Gpa = 0xc000_0000;
    private const ulong Mmio = 0xbeef;

    private sealed class Answer : IMmioDevice
    {
        public string Name => "answer";
        public ulong Read(ulong offset, int size) => Mmio;
        public void Write(ulong offset, int size, ulong value) { }
    }

    [Fact]
    public void A_moved_slot_never_shows_the_wrong_page()
    {
        using TdpFixture f = new(mmu);
        f.Vm.Bus.Register(new Answer(), new Gpa(Gpa - Huge), 2 * Huge);
        var hva = f.AddMemory(10, Gpa, Huge);
        long zeros = 0, mmio = 0, ones = 0;
        ulong bad = 0;
        var vcpu = f.Vm.CreateVcpu(new ScriptedEngine(new GuestScript(cpu =>
        {
            var value = cpu.Load<ulong>(Gpa);
            if (cpu.Stopped) return GuestStep.Continue;
            if (value == 0) zeros++;
            else if (value == 1) ones++;
            else if (value == Mmio) mmio++;
            else bad = value;
            return GuestStep.Continue;
        })));
        Crew crew = new();
        crew.Run(vcpu);
        crew.Go(() =>
        {
            for (var i = 0; i < 60 && !crew.Stopping; i++)
            {
                // With the base one page lower, the guest's page is the second of the slot; the first is written where the guest must not
                // look.
                f.SetSlot(10, Gpa - Page, Huge, hva);
                f.WriteHost(hva, 2);
                Thread.Yield();
                f.WriteHost(hva, 1);
                f.SetSlot(10, Gpa, Huge, hva);
                Thread.Yield();
            }
            crew.Await(() => Volatile.Read(ref ones) + Volatile.Read(ref zeros) > 0, "a load of the guest");
        });
        Assert.Equal(0UL, bad);
        ScriptedVcpu after = new(f.Vm);
        Assert.Equal(1UL, after.Load<ulong>(Gpa));
        f.Verify();
    }

    [Fact]
    public void A_deleted_slot_is_gone_when_the_call_returns()
    {
        using TdpFixture f = new(mmu);
        f.Vm.Bus.Register(new Answer(), new Gpa(Gpa), Huge);
        var hva = f.AddMemory(10, Gpa, Huge);
        f.WriteHost(hva, 7);
        ulong state = 1;
        ulong violations = 0;
        long looked = 0;
        var vcpu = f.Vm.CreateVcpu(new ScriptedEngine(new GuestScript(cpu =>
        {
            var before = Volatile.Read(ref state);
            var value = cpu.Load<ulong>(Gpa);
            if (cpu.Stopped || Volatile.Read(ref state) != before) return GuestStep.Continue;
            // Odd: the slot exists and nothing is going on; 0 mod 4: it is gone for good.
            if (before % 4 == 1 && value != 7 || before % 4 == 3 && value != Mmio) violations++;
            looked++;
            return GuestStep.Continue;
        })));
        Crew crew = new();
        crew.Run(vcpu);
        crew.Go(() =>
        {
            for (var i = 0; i < 60; i++)
            {
                Volatile.Write(ref state, state + 1);
                f.DeleteSlot(10);
                Volatile.Write(ref state, state + 1);
                Thread.Yield();
                Volatile.Write(ref state, state + 1);
                f.SetSlot(10, Gpa, Huge, hva);
                Volatile.Write(ref state, state + 1);
                Thread.Yield();
            }
            crew.Await(() => Volatile.Read(ref looked) > 0, "a look of the guest");
        });
        Assert.Equal(0UL, violations);
        f.Verify();
    }

    [Fact]
    public void Running_without_any_slot_is_an_access_fault_and_not_a_crash()
    {
        using TdpFixture f = new(mmu);
        ScriptedVcpu cpu = new(f.Vm);
        cpu.Fetch(0);
        Assert.Equal(GuestAccessResult.AccessFault, cpu.Result);
    }

    [Fact]
    public void Moving_keeps_contents_and_the_old_place_is_empty()
    {
        using TdpFixture f = new(mmu);
        f.AddMemory(3, Gpa, 16 * Page);
        ScriptedVcpu cpu = new(f.Vm);
        for (ulong i = 0; i < 16; i++) cpu.Store(Gpa + i * Page, i + 100);
        UserMemoryRegion moved =
            new()
            {
                Slot = 3,
                GuestPhysicalAddress = new Gpa(Gpa + 8 * Page),
                MemorySize = 16 * Page,
                UserspaceAddress = f.Vm.GetMemslots(0).Find(new Gfn(Gpa >> 12))!.UserspaceAddress
            };
        f.Vm.SetUserMemoryRegion(moved);
        for (ulong i = 0; i < 16; i++) Assert.Equal(i + 100, cpu.Load<ulong>(Gpa + (i + 8) * Page));
        cpu.Load<ulong>(Gpa);
        Assert.Equal(GuestAccessResult.AccessFault, cpu.Result);
        f.Verify();
    }
}

public sealed class MemslotChangeTestsWithTdp() : MemslotChangeTests(MmuKind.Tdp);

public sealed class MemslotChangeTestsWithShadow() : MemslotChangeTests(MmuKind.Shadow);
