using System.Threading;
using Warren.Hypervisor.Tests.Scripted;
using Warren.Hypervisor.Tests.Tdp;
using Warren.Hypervisor.Vcpus;
using static Warren.Hypervisor.Tests.Tdp.TdpFixture;

namespace Warren.Hypervisor.Tests.Vcpus;

/// <summary>Decoded code never outlives a write to its page.</summary>
public sealed class CodeMarkTests
{
    private const ulong Base = 0x8000_0000;

    [Fact]
    public void Code_is_decoded_once_and_again_after_a_guest_write()
    {
        using TdpFixture f = new();
        f.AddMemory(0, Base, 4 * Page);
        ScriptedVcpu cpu = new(f.Vm);
        cpu.Store(Base, 0x13u);
        Assert.Equal(0x13u, cpu.Fetch(Base));
        Assert.Equal(0x13u, cpu.Fetch(Base));
        Assert.Equal(1, cpu.Engine.Decodes);
        cpu.Store(Base, 0x93u);
        Assert.Equal(0x93u, cpu.Fetch(Base));
        Assert.Equal(2, cpu.Engine.Decodes);
        cpu.Store(Base + Page, 1u);
        Assert.Equal(0x93u, cpu.Fetch(Base));
        Assert.Equal(2, cpu.Engine.Decodes);
    }

    [Fact]
    public void Another_vcpus_write_entry_from_before_the_mark_is_gone()
    {
        using TdpFixture f = new();
        f.AddMemory(0, Base, 4 * Page);
        ScriptedVcpu writer = new(f.Vm);
        ScriptedVcpu executor = new(f.Vm);
        writer.Store(Base, 1u);
        Assert.Equal(1u, executor.Fetch(Base));
        writer.Store(Base, 2u);
        Assert.Equal(2u, executor.Fetch(Base));
    }

    [Fact]
    public void A_write_by_the_host_is_seen_too()
    {
        using TdpFixture f = new();
        f.AddMemory(0, Base, 4 * Page);
        ScriptedVcpu cpu = new(f.Vm);
        cpu.Store(Base, 1u);
        Assert.Equal(1u, cpu.Fetch(Base));
        Assert.True(f.Vm.WriteGuest(new Gpa(Base), BitConverter.GetBytes(7u)));
        Assert.Equal(7u, cpu.Fetch(Base));
    }

    [Fact]
    public void A_frame_that_was_freed_and_came_back_carries_no_old_code()
    {
        using TdpFixture f = new();
        var hva = f.AddMemory(0, Base, 4 * Page);
        ScriptedVcpu cpu = new(f.Vm);
        cpu.Store(Base, 5u);
        Assert.Equal(5u, cpu.Fetch(Base));
        f.Memory.Discard(hva, Page);
        Assert.Equal(0u, cpu.Fetch(Base));
        cpu.Store(Base, 6u);
        Assert.Equal(6u, cpu.Fetch(Base));
    }

    /// <summary>
    /// A writer stores n into a word of code, then says so; whoever has heard n must not execute anything older. Two executors, one of
    /// which finds the mark while the other is still flushing.
    /// </summary>
    [Fact]
    public void Executors_keep_up_with_a_writer()
    {
        using TdpFixture f = new();
        f.AddMemory(0, Base, 4 * Page);
        const uint Last = 2000;
        uint announced = 0;
        Crew crew = new();
        uint value = 0;
        crew.Run(f.Vm.CreateVcpu(new ScriptedEngine(new GuestScript(cpu =>
        {
            cpu.Store(Base + 64, value + 1);
            if (cpu.Stopped) return GuestStep.Continue;
            Volatile.Write(ref announced, ++value);
            return value == Last ? GuestStep.Done : GuestStep.Continue;
        }))));
        for (var i = 0; i < 2; i++)
        {
            crew.Run(f.Vm.CreateVcpu(new ScriptedEngine(new GuestScript(cpu =>
            {
                var heard = Volatile.Read(ref announced);
                var word = cpu.Fetch(Base + 64);
                if (cpu.Stopped) return GuestStep.Continue;
                Assert.True(word >= heard, $"executed {word} after {heard} was announced");
                return heard == Last ? GuestStep.Done : GuestStep.Continue;
            }))));
        }
        crew.Join();
    }

    /// <summary>Stays in guest mode, with its write entry, until it is let go.</summary>
    private sealed class Stubborn(ulong gpa) : IVcpuEngine
    {
        private int _inside;
        private int _release;

        public bool Inside => Volatile.Read(ref _inside) != 0;
        public void Release() => Volatile.Write(ref _release, 1);

        public VcpuExit Execute(Vcpu vcpu, ref long budget)
        {
            Assert.Equal(TranslateStatus.Memory, vcpu.Translate(new Gpa(gpa), GuestAccess.Write, out _));
            Volatile.Write(ref _inside, 1);
            SpinWait.SpinUntil(() => Volatile.Read(ref _release) != 0);
            return new(VcpuExitReason.EnvironmentCall);
        }

        public void FlushTlb() { }
    }

    /// <summary>
    /// One executor has set the mark and waits for a writer to drop its entry: another that meets the mark has to wait with it.
    /// </summary>
    [Fact]
    public void A_mark_does_not_count_before_its_flush_has_ended()
    {
        using TdpFixture f = new();
        f.AddMemory(0, Base, Page);
        Stubborn writer = new(Base);
        var writing = f.Vm.CreateVcpu(writer);
        ScriptedVcpu first = new(f.Vm);
        ScriptedVcpu second = new(f.Vm);
        // Both have the page mapped, so that only the mark is missing.
        first.Load<uint>(Base);
        second.Load<uint>(Base);
        var secondDone = false;
        Crew crew = new();
        crew.Add(() =>
        {
            long budget = 10;
            writing.Run(ref budget);
        });
        crew.Add(() =>
        {
            SpinWait.SpinUntil(() => writer.Inside);
            first.Fetch(Base);
        });
        crew.Add(() =>
        {
            SpinWait.SpinUntil(() => (f.Pool.Info(f.Leaf(Base >> 12).Pfn).CodeState & 1) != 0);
            second.Fetch(Base);
            Volatile.Write(ref secondDone, true);
        });
        crew.Go(() =>
        {
            SpinWait.SpinUntil(() => second.Vcpu.Statistics.CodeMarks > 0 || Volatile.Read(ref secondDone));
            var early = Volatile.Read(ref secondDone);
            writer.Release();
            Assert.False(early, "a mark was relied on while a writer still held its entry");
        });
        Assert.True(secondDone);
    }
}
